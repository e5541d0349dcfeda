import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What became of one request on its way. */
export interface Passage {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly key: string | undefined;
  readonly fate: 'failed' | 'cut' | 'limited' | 'passed';
  readonly isReplay: boolean;
}

export interface UnsteadyLine {
  readonly url: string;
  readonly passages: readonly Passage[];
  stop(): Promise<void>;
}

/** In this order for each idempotency key. What is cut has had its effect: only the answer is lost. */
const FATES = ['failed', 'cut', 'limited'] as const;

const headersFor = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' && !['host', 'connection', 'content-length'].includes(entry[0]),
    ),
  );

/** Stands before a server. Who opens a ticket through it has to try four times with the same key. */
export const startUnsteadyLine = async (to: string): Promise<UnsteadyLine> => {
  const passages: Passage[] = [];
  const attempts = new Map<string, number>();
  const server = createServer(async (came, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of came) chunks.push(chunk);
    const key = came.headers['idempotency-key']?.toString();
    const attempt = attempts.get(key ?? '') ?? 0;
    const isTried = came.method === 'POST' && came.url?.endsWith('/tickets') === true && key !== undefined;
    if (isTried) attempts.set(key, attempt + 1);
    const fate = (isTried && FATES[attempt]) || 'passed';
    const note = (isReplay: boolean) =>
      passages.push({
        method: came.method ?? '',
        path: came.url ?? '',
        token: came.headers.authorization?.replace('Bearer ', ''),
        key,
        fate,
        isReplay,
      });
    const refuse = (status: number, error: string, headers: Record<string, string> = {}) => {
      note(false);
      answer.writeHead(status, { 'content-type': 'application/json', ...headers });
      answer.end(JSON.stringify({ error, message: 'As it happens' }));
    };
    if (fate === 'failed') return refuse(500, 'internal_error');
    if (fate === 'limited') return refuse(429, 'rate_limit_exceeded', { 'retry-after': '0' });
    const response = await fetch(to + came.url, {
      method: came.method ?? 'GET',
      headers: headersFor(came.headers),
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const body = Buffer.from(await response.arrayBuffer());
    note(response.headers.has('idempotent-replay'));
    if (fate === 'cut') return came.socket.destroy();
    answer.writeHead(response.status, {
      'content-type': response.headers.get('content-type') ?? 'application/json',
      'content-length': body.length,
    });
    answer.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passages,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
