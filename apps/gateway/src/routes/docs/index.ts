import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import rateLimit from '@fastify/rate-limit';
import { errors } from '@switchboard/contracts';
import { addressGroup } from '@switchboard/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { indexPage, referencePage, startScript, stylesheet } from './pages.ts';

/**
 * Scripts from here alone, no connection to anywhere else. Styles may be inline: the reference renderer writes them
 * into the page.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const zip = promisify(gzip);

interface Asset {
  readonly type: string;
  readonly read: () => Promise<string | Buffer>;
  /** How long a browser may go without asking again; it then gets 304 by the ETag. */
  readonly maxAgeSeconds: number;
}

interface Loaded {
  readonly plain: Buffer;
  readonly zipped: Buffer;
  readonly etag: string;
}

const load = async ({ read }: Asset): Promise<Loaded> => {
  const plain = Buffer.from(await read());
  const digest = createHash('sha256').update(plain).digest('base64url').slice(0, 27);
  return { plain, zipped: await zip(plain), etag: `"${digest}"` };
};

/** Sends an asset; read and compressed once, when first asked for (the renderer: 4.4 MB, 1.3 MB zipped). */
const serve = (asset: Asset) => {
  let loading: Promise<Loaded> | undefined;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    loading ??= load(asset).catch((error) => {
      loading = undefined;
      throw error;
    });
    const { plain, zipped, etag } = await loading;
    reply.headers({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': `public, max-age=${asset.maxAgeSeconds}`,
      vary: 'accept-encoding',
      etag,
    });
    if (request.headers['if-none-match'] === etag) return reply.status(304).send();
    reply.type(asset.type);
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(plain);
    return reply.header('content-encoding', 'gzip').send(zipped);
  };
};

const packageFile = (specifier: string): string => fileURLToPath(import.meta.resolve(specifier));

/** The document as committed, with the address by which callers reach this gateway. */
const readDocument = async (specifier: string, publicUrl: string | undefined): Promise<string> => {
  const document = JSON.parse(await readFile(packageFile(specifier), 'utf8'));
  if (publicUrl !== undefined && 'openapi' in document) document.servers = [{ url: publicUrl }];
  return JSON.stringify(document);
};

/** The renderer's bundle lies beside its entry point; its package exports no path to it. */
const readRenderer = (): Promise<Buffer> =>
  readFile(new URL('./browser/standalone.js', import.meta.resolve('@scalar/api-reference')));

const HTML = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

const text = (value: string) => () => Promise.resolve(value);

/** A page loads a handful of them; whoever asks for more than this in a minute reads none of it. */
const REQUESTS_PER_MINUTE = 120;

/** The documents of the contracts, and pages that show them. Public, and the same for everybody, in measure: they are large. */
export const registerDocsRoutes = async (
  app: FastifyInstance,
  { publicUrl }: { publicUrl: string | undefined },
): Promise<void> => {
  // The plugin itself, unlike on the routes of the contracts: here speed does not matter, nor that replicas count apart.
  await app.register(rateLimit, {
    global: false,
    max: REQUESTS_PER_MINUTE,
    timeWindow: '1 minute',
    keyGenerator: ({ ip }) => addressGroup(ip),
  });
  const look = app.createRateLimit();
  const onRequest = async (request: FastifyRequest): Promise<void> => {
    const count = await look(request);
    if (!count.isAllowed && count.isExceeded) {
      throw errors.rateLimited(Math.max(1, count.ttlInSeconds), count.max);
    }
  };
  const assets: Readonly<Record<string, Asset>> = {
    '/openapi.json': {
      type: JSON_TYPE,
      read: () => readDocument('@switchboard/contracts/openapi.json', publicUrl),
      maxAgeSeconds: 60,
    },
    '/asyncapi.json': {
      type: JSON_TYPE,
      read: () => readDocument('@switchboard/contracts/asyncapi.json', publicUrl),
      maxAgeSeconds: 60,
    },
    '/docs': { type: HTML, read: text(indexPage()), maxAgeSeconds: 60 },
    '/docs/api': {
      type: HTML,
      read: text(referencePage('Switchboard API', '/openapi.json')),
      maxAgeSeconds: 60,
    },
    '/docs/events': {
      type: HTML,
      read: text(referencePage('Switchboard events', '/asyncapi.json')),
      maxAgeSeconds: 60,
    },
    '/docs/assets/reference.js': { type: SCRIPT, read: readRenderer, maxAgeSeconds: 86_400 },
    '/docs/assets/start.js': { type: SCRIPT, read: text(startScript), maxAgeSeconds: 60 },
    '/docs/assets/docs.css': { type: 'text/css; charset=utf-8', read: text(stylesheet), maxAgeSeconds: 60 },
  };
  for (const url of ['/', '/docs/']) {
    app.get(url, { config: { quiet: true }, onRequest }, (_request, reply) => reply.redirect('/docs', 308));
  }
  for (const [url, asset] of Object.entries(assets)) {
    app.get(url, { config: { quiet: true }, onRequest }, serve(asset));
  }
};
