import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Balancer {
  readonly url: string;
  /** Where new connections go: to the first of these that takes them. */
  sendTo(urls: readonly string[]): void;
  stop(): Promise<void>;
}

/** Stands in front of several gateways as a load balancer does, so that one address survives any of them. */
export const startBalancer = async (): Promise<Balancer> => {
  let targets: readonly string[] = [];
  const open = new Set<Socket>();
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  };
  const reach = ([first, ...others]: readonly string[], client: Socket): void => {
    if (first === undefined) return void client.destroy();
    const { hostname, port } = new URL(first);
    const upstream = connect(Number(port), hostname);
    keep(upstream);
    upstream.once('error', () => reach(others, client));
    upstream.once('connect', () => {
      upstream.removeAllListeners('error');
      // Whichever side breaks, the other one is told.
      upstream.on('error', () => client.destroy());
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
      client.pipe(upstream).pipe(client);
    });
  };
  const server = createServer((client) => {
    keep(client);
    client.on('error', () => client.destroy());
    reach(targets, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sendTo(urls) {
      targets = urls;
    },
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
