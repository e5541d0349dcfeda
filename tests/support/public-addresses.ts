import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const HOST = 'receivers.example.com';

/** A webhook as it came over the wire, for whoever stores requests. */
export interface StoredRequest {
  readonly port: number;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** Stands where the internet would: an egress proxy, and behind it a host with a certificate whose ports are those here. */
export interface PublicAddresses {
  /** What a dispatcher is started with to reach them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stored: readonly StoredRequest[];
  urlOf(port: number): string;
  /** The next webhook for this port, or the next one that is of that kind, is answered, and lost. */
  loseNext(port: number, isMeant?: (body: string) => boolean): void;
  stop(): Promise<void>;
}

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

/** Lets webhooks of production, which go to https and public addresses only, reach receivers on this machine. */
export const startPublicAddresses = async (): Promise<PublicAddresses> => {
  const dir = await mkdtemp(join(tmpdir(), 'public-addresses-'));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
  const files = ['-keyout', key, '-out', cert];
  await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...kind, ...name, ...files]);

  const stored: StoredRequest[] = [];
  const toLose = new Map<number, (body: string) => boolean>();
  const ends = new Set<Socket>();
  const keep = (socket: Socket) => {
    ends.add(socket);
    socket.on('error', () => undefined).on('close', () => ends.delete(socket));
  };
  const host = createHttpsServer(
    { key: await readFile(key), cert: await readFile(cert) },
    async (came, answer) => {
      const port = Number(came.headers.host?.split(':')[1]);
      const body = await bodyOf(came);
      stored.push({ port, rawHeaders: came.rawHeaders, body });
      if (toLose.get(port)?.(body.toString())) {
        toLose.delete(port);
        return void answer.writeHead(204).end();
      }
      const { method, url: path, headers } = came;
      const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
      onward.on('response', (got) => {
        answer.writeHead(got.statusCode ?? 502);
        got.pipe(answer);
      });
      onward.on('error', () => answer.writeHead(502).end());
      onward.end(body);
    },
  );
  host.on('secureConnection', keep);
  const hostPort = await listen(host);
  const proxy = createServer().on('connect', (_request, near: Socket) => {
    const far = connect(hostPort, '127.0.0.1', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      near.pipe(far).pipe(near);
    });
    for (const end of [near, far]) keep(end);
  });
  const proxyPort = await listen(proxy);
  return {
    environment: { WEBHOOK_PROXY_URL: `http://127.0.0.1:${proxyPort}`, NODE_EXTRA_CA_CERTS: cert },
    stored,
    urlOf: (port) => `https://${HOST}:${port}/`,
    loseNext: (port, isMeant = () => true) => void toLose.set(port, isMeant),
    async stop() {
      host.close();
      proxy.close();
      for (const end of ends) end.destroy();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
