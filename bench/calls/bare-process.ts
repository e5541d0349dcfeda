import { createServer } from 'node:http';
import { connectBus, silentLog } from '@switchboard/bus';
import { WebSocket, WebSocketServer } from 'ws';

/*
 * The least that sends events of NATS to sockets: `ws`, a subscription for each topic, and every message to everybody who
 * follows it. No credential, no history, no gap noticed, no bound on what is unread, no ping.
 */
const bus = await connectBus({ url: process.env.NATS_URL ?? '', name: 'bench-bare', log: silentLog });
const followers = new Map<string, Set<WebSocket>>();

const server = createServer((_request, response) => response.end('ready'));
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket, request) => {
  const subject = (request.url ?? '/').slice(1);
  let all = followers.get(subject);
  if (!all) {
    const known = new Set<WebSocket>();
    all = known;
    followers.set(subject, known);
    bus.listen(subject, ({ payload }) => {
      const bytes = Buffer.from(payload);
      for (const follower of known) {
        if (follower.readyState === WebSocket.OPEN) follower.send(bytes, { binary: false });
      }
    });
  }
  all.add(socket);
  socket.on('close', () => all.delete(socket));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
