import { createServer } from 'node:http';
import { createServer as createNetServer, type Socket } from 'node:net';
import { percentile } from '../support/figures.ts';
import { microseconds, readSentAt } from './message-id.ts';

/*
 * Receivers of webhooks, each on a port of its own, in a process of their own. They speak just enough HTTP/1.1 to take a POST
 * and answer 200: a real server would use up the cores that are to be measured.
 */
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nOK';
const HEAD_END = '\r\n\r\n';

interface Arrival {
  readonly port: number;
  readonly atMicroseconds: number;
  readonly delayMs: number;
}
/** Of each message at each port, the first time it came. */
const arrivals = new Map<string, Arrival>();
const hanging = new Set<number>();
const unanswered: Socket[] = [];

const arrived = (port: number, id: string) => {
  const key = `${port}/${id}`;
  if (arrivals.has(key)) return;
  const atMicroseconds = microseconds();
  arrivals.set(key, { port, atMicroseconds, delayMs: (atMicroseconds - readSentAt(id)) / 1000 });
};

const receive = (socket: Socket, port: number) => {
  let head = '';
  let bodyLeft = 0;
  const answer = () => {
    if (hanging.has(port)) unanswered.push(socket);
    else socket.write(ANSWER);
  };
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      if (bodyLeft > 0) {
        const taken = Math.min(bodyLeft, chunk.length - at);
        bodyLeft -= taken;
        at += taken;
        if (bodyLeft === 0) answer();
        continue;
      }
      const before = head.length;
      head += chunk.toString('latin1', at);
      const end = head.indexOf(HEAD_END);
      if (end === -1) return;
      at += end + HEAD_END.length - before;
      arrived(port, /\r\nwebhook-id: *(\S+)/i.exec(head)?.[1] ?? '');
      bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      head = '';
      if (bodyLeft === 0) answer();
    }
  });
};

const listen = async (): Promise<number> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = createNetServer((socket) => receive(socket, port));
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return port;
};
const ports = await Promise.all(Array.from({ length: Number(process.env.RECEIVERS) }, listen));

const countedWithout = (port: number) => [...arrivals.values()].filter((each) => each.port !== port);
const delaysWithout = (port: number) => countedWithout(port).map(({ delayMs }) => delayMs);

const figures = (withoutPort: number) => {
  const counted = countedWithout(withoutPort);
  const delays = delaysWithout(withoutPort);
  return {
    arrived: arrivals.size,
    p50Ms: percentile(delays, 0.5),
    p99Ms: percentile(delays, 0.99),
    /** From the first to the last. */
    seconds: ((counted.at(-1)?.atMicroseconds ?? 0) - (counted[0]?.atMicroseconds ?? 0)) / 1e6,
  };
};
export type ReceiverFigures = ReturnType<typeof figures>;

const control: Record<string, (port: number) => unknown> = {
  '/': () => ({ ports }),
  '/count': () => ({ arrived: arrivals.size }),
  '/figures': figures,
  '/delays': delaysWithout,
  '/reset': () => {
    arrivals.clear();
    return {};
  },
  '/hang': (port) => {
    hanging.add(port);
    return {};
  },
  '/release': (port) => {
    hanging.delete(port);
    for (const socket of unanswered.splice(0)) socket.write(ANSWER);
    return {};
  },
};
createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://control');
  response.end(JSON.stringify(control[url.pathname]?.(Number(url.searchParams.get('port'))) ?? {}));
}).listen(Number(process.env.PORT), '127.0.0.1');
