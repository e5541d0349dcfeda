import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

interface ServedFrame {
  readonly type: string;
  readonly callId: string;
  readonly sequence: number;
  readonly timestamp: string;
  readonly data: unknown;
}
interface ClientMessage {
  readonly type: string;
  readonly id?: string;
  readonly data: Record<string, unknown>;
}
interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The wire format of a call, and nothing behind it. One call; what goes wrong is up to the test. */
export interface CallServer {
  readonly baseUrl: string;
  readonly callId: string;
  readonly sockets: ReadonlySet<WebSocket>;
  readonly requests: { readonly path: string; readonly idempotencyKey: string | undefined }[];
  /** Everything that clients sent but pings. */
  readonly messages: ClientMessage[];
  /** Each `since` that a connection came with. */
  readonly resumedAfter: number[];
  /** Adds a frame, and sends it to whoever is there. */
  publish(type: string, data?: unknown): void;
  sendPrivate(socket: WebSocket, data: object): void;
  /** Before a connection is served; true when it was dealt with. */
  onConnection: (socket: WebSocket, url: URL) => boolean;
  onMessage: (socket: WebSocket, message: ClientMessage) => void;
  /** Null: the usual answer. */
  onRequest: (path: string) => HttpAnswer | null;
  answersPings: boolean;
  close(): Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<void> => {
  for await (const _chunk of request);
};

export const startCallServer = async (): Promise<CallServer> => {
  const callId = randomUUID();
  const frames: ServedFrame[] = [];
  const lastSent = new Map<WebSocket, number>();
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  let tickets = 0;

  const send = (socket: WebSocket, frame: ServedFrame): void => {
    lastSent.set(socket, frame.sequence);
    socket.send(JSON.stringify(frame));
  };
  const end = { callId, status: 'ended', endTime: '2026-01-01T00:00:09.000Z', duration: 9 };
  const wsUrl = (): string => {
    tickets += 1;
    return `${server.baseUrl.replace('http', 'ws')}/ws/calls/${callId}?ticket=t${tickets}`;
  };
  const usual = (path: string): HttpAnswer => {
    if (path.endsWith('/tickets')) return { status: 201, body: { success: true, data: { wsUrl: wsUrl() } } };
    if (path.endsWith('/end')) return { status: 200, body: { success: true, data: end } };
    return { status: 201, body: { success: true, data: { callId, wsUrl: wsUrl(), iceServers: [] } } };
  };

  http.on('request', async (request, response) => {
    await readBody(request);
    const path = new URL(request.url ?? '', server.baseUrl).pathname.replace('/api/v1', '');
    const idempotencyKey = request.headers['idempotency-key'];
    server.requests.push({ path, idempotencyKey: idempotencyKey?.toString() });
    const { status, body } = server.onRequest(path) ?? usual(path);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined);
    const url = new URL(request.url ?? '', 'ws://127.0.0.1');
    const since = Number(url.searchParams.get('since') ?? 0);
    server.resumedAfter.push(since);
    if (server.onConnection(socket, url)) return;
    lastSent.set(socket, since);
    for (const frame of frames.filter(({ sequence }) => sequence > since)) send(socket, frame);
    live.add(socket);
    socket.on('close', () => live.delete(socket));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as ClientMessage;
      if (message.type !== 'ping') {
        server.messages.push(message);
        server.onMessage(socket, message);
      } else if (server.answersPings) {
        socket.send(JSON.stringify({ ...envelope(socket), type: 'pong', data: {} }));
      }
    });
  });
  const envelope = (socket: WebSocket) => ({
    callId,
    sequence: lastSent.get(socket) ?? 0,
    timestamp: new Date().toISOString(),
  });

  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const live = new Set<WebSocket>();
  const server: CallServer = {
    baseUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/api/v1`,
    callId,
    sockets: live,
    requests: [],
    messages: [],
    resumedAfter: [],
    publish(type, data = {}) {
      const timestamp = new Date().toISOString();
      const frame = { type, callId, sequence: frames.length + 1, timestamp, data };
      frames.push(frame);
      for (const socket of live) send(socket, frame);
    },
    sendPrivate(socket, data) {
      socket.send(JSON.stringify({ ...envelope(socket), type: 'call.error', data }));
    },
    onConnection: () => false,
    onMessage: () => undefined,
    onRequest: () => null,
    answersPings: true,
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return server;
};
