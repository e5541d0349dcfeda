import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';

export interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly url: string;
  /** The client's port: two requests with the same one came over one connection. */
  readonly clientPort: number;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  close(): Promise<void>;
}

type Answer = (response: ServerResponse, request: Received, number: number) => void;

/** A partner's webhook endpoint: a real HTTP server that remembers what it got and answers as told. */
export const startReceiver = async (answer: Answer = (response) => response.end('OK')): Promise<Receiver> => {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        headers: request.headers,
        body: Buffer.concat(chunks),
        url: request.url ?? '',
        clientPort: request.socket.remotePort ?? 0,
      };
      received.push(one);
      answer(response, one, received.length);
    });
  });
  // Clients keep connections as long as they are told to, so that a pause between two requests is no reason for a new one.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/webhook/callback`,
    received,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const portOf = (address: string | AddressInfo | null): number =>
  typeof address === 'object' && address !== null ? address.port : 0;

export interface RawReceiver {
  readonly url: string;
  connections(): number;
  close(): Promise<void>;
}

/** A server that does whatever the test wants with every connection, from 1. */
export const startRawConnections = async (
  onConnection: (socket: Socket, connection: number) => unknown,
): Promise<RawReceiver> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket, connections);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/`,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

/** A server that speaks whatever bytes the test wants once a request has come. */
export const startRawReceiver = (onRequest: (socket: Socket) => unknown): Promise<RawReceiver> =>
  startRawConnections((socket) => socket.once('data', () => onRequest(socket)));
