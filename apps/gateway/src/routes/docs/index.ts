import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import rateLimit from '@fastify/rate-limit';
import { errors } from '@switchboard/contracts';
import { addressGroup } from '@switchboard/service-kit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Asset, assetTypes, serveAsset } from '../assets.ts';
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
      type: assetTypes.json,
      read: () => readDocument('@switchboard/contracts/openapi.json', publicUrl),
      maxAgeSeconds: 60,
    },
    '/asyncapi.json': {
      type: assetTypes.json,
      read: () => readDocument('@switchboard/contracts/asyncapi.json', publicUrl),
      maxAgeSeconds: 60,
    },
    '/docs': { type: assetTypes.html, read: text(indexPage()), maxAgeSeconds: 60 },
    '/docs/api': {
      type: assetTypes.html,
      read: text(referencePage('Switchboard API', '/openapi.json')),
      maxAgeSeconds: 60,
    },
    '/docs/events': {
      type: assetTypes.html,
      read: text(referencePage('Switchboard events', '/asyncapi.json')),
      maxAgeSeconds: 60,
    },
    '/docs/assets/reference.js': { type: assetTypes.script, read: readRenderer, maxAgeSeconds: 86_400 },
    '/docs/assets/start.js': { type: assetTypes.script, read: text(startScript), maxAgeSeconds: 60 },
    '/docs/assets/docs.css': { type: assetTypes.stylesheet, read: text(stylesheet), maxAgeSeconds: 60 },
  };
  const headers = { 'content-security-policy': CONTENT_SECURITY_POLICY };
  for (const url of ['/', '/docs/']) {
    app.get(url, { config: { quiet: true }, onRequest }, (_request, reply) => reply.redirect('/docs', 308));
  }
  for (const [url, asset] of Object.entries(assets)) {
    app.get(url, { config: { quiet: true }, onRequest }, serveAsset(asset, headers));
  }
};
