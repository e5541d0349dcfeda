import { readdir, readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { assetTypes, serveAsset } from '../assets.ts';

/** Where the page's own files are. */
const PAGE_DIR = new URL('./page/', import.meta.url);
/** The call client as it is given to others. */
const CLIENT_DIR = new URL('./', import.meta.resolve('@switchboard/call-client'));

const TYPES: Readonly<Record<string, string>> = {
  css: assetTypes.stylesheet,
  js: assetTypes.script,
  svg: assetTypes.image,
};
const MAX_AGE_SECONDS = 60;

const socketOrigins = (publicUrl: string | undefined): string[] =>
  publicUrl === undefined ? [] : [new URL(publicUrl).origin.replace(/^http/, 'ws')];

/** Files from here alone, requests and sockets to this gateway alone. Nothing is written into the page. */
const policyFor = (publicUrl: string | undefined): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // Addresses of sockets are made from PUBLIC_URL, which need not be what the page was opened by.
    ["connect-src 'self'", ...socketOrigins(publicUrl)].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/**
 * `/demo/call`: a telephone in a page, to try the calls surface with. For machines of developers and demonstrations: without
 * DEMO_PAGES nothing of this is there.
 */
export const registerDemoRoutes = async (
  app: FastifyInstance,
  { publicUrl }: { publicUrl: string | undefined },
): Promise<void> => {
  const headers = {
    'content-security-policy': policyFor(publicUrl),
    'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
  };
  const serveFile = (url: string, file: URL, type: string): void => {
    const asset = { type, read: () => readFile(file), maxAgeSeconds: MAX_AGE_SECONDS };
    app.get(url, { config: { quiet: true } }, serveAsset(asset, headers));
  };
  const serveFolder = async (prefix: string, directory: URL): Promise<void> => {
    for (const name of await readdir(directory)) {
      const type = TYPES[name.split('.').at(-1) ?? ''];
      if (type !== undefined) serveFile(`${prefix}${name}`, new URL(name, directory), type);
    }
  };
  serveFile('/demo/call', new URL('call.html', PAGE_DIR), assetTypes.html);
  await serveFolder('/demo/assets/', PAGE_DIR);
  await serveFolder('/demo/call-client/', CLIENT_DIR);
  for (const url of ['/demo', '/demo/', '/demo/call/']) {
    app.get(url, { config: { quiet: true } }, (_request, reply) => reply.redirect('/demo/call', 308));
  }
};
