import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { waitFor } from '../wait.ts';

/** A callback as it arrived. */
export interface ReceivedCallback {
  receivedAt: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Which secret signed it; undefined when none of those we know did. */
  signedBy: string | undefined;
}

export interface SinkOptions {
  port: number;
  /** The secrets callbacks may be signed with, by a name to print. */
  secrets: Readonly<Record<string, string>>;
  onCallback: (callback: ReceivedCallback) => void;
}

export interface WebhookSink {
  url: string;
  /** Takes what this secret signs from now on, too. */
  trust(name: string, secret: string): void;
  /** Settles with the next callback of this job, or one that has arrived already. */
  waitForJob(jobId: string, timeoutMs: number): Promise<ReceivedCallback>;
  stop(): Promise<void>;
}

const CALLBACKS_KEPT = 100;
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const CLOCKS_DIFFER_SECONDS_MAX = 300;

/**
 * Stands where a receiver would: takes callbacks, checks `X-Partner-Signature` over the exact bytes as the partner guide
 * says, or `webhook-signature` as Standard Webhooks does, and answers 200, or 401 when nobody we know signed it. `GET /`
 * lists the latest.
 */
export async function startWebhookSink(options: SinkOptions): Promise<WebhookSink> {
  const kept: ReceivedCallback[] = [];
  const secrets = new Map(Object.entries(options.secrets));
  const stopped = new AbortController();
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'GET') return answer(200, { callbacks: kept });
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const callback: ReceivedCallback = {
        receivedAt: new Date().toISOString(),
        path: request.url ?? '/',
        headers: request.headers,
        body: body.toString('utf8'),
        signedBy: findSigner(body, request.headers, secrets),
      };
      kept.unshift(callback);
      kept.length = Math.min(kept.length, CALLBACKS_KEPT);
      options.onCallback(callback);
      if (callback.signedBy) answer(200, { received: true });
      else answer(401, { received: false, error: 'the signature is not by a secret of this stack' });
    });
  });
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${options.port}/partner-callbacks`,
    trust: (name, secret) => void secrets.set(name, secret),
    async waitForJob(jobId, timeoutMs) {
      const find = () => kept.find((callback) => callback.headers['x-webhook-id'] === jobId);
      return waitFor(find, { what: `the callback of job ${jobId}`, timeoutMs, signal: stopped.signal });
    },
    stop() {
      stopped.abort();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The name of the secret that signed these bytes. */
function findSigner(
  body: Buffer,
  headers: IncomingHttpHeaders,
  secrets: ReadonlyMap<string, string>,
): string | undefined {
  const isSignedBy = headers['x-partner-signature'] === undefined ? isStandard : isPartner;
  return [...secrets].find(([, secret]) => isSignedBy(body, headers, secret))?.[0];
}

/** HMAC-SHA256 over the bytes in hex, with the whole text of the secret: the partner guide, "Verify". */
function isPartner(body: Buffer, headers: IncomingHttpHeaders, secret: string): boolean {
  const given = headers['x-partner-signature'];
  return isSame(createHmac('sha256', secret).update(body).digest('hex'), String(given));
}

/** Any `v1` over id, time and bytes, with what the secret says behind its prefix: Standard Webhooks, "Verifying". */
function isStandard(body: Buffer, headers: IncomingHttpHeaders, secret: string): boolean {
  const [id, sentAt] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
  // What somebody kept of an earlier request is not taken for a new one.
  if (!(Math.abs(Date.now() / 1000 - Number(sentAt)) <= CLOCKS_DIFFER_SECONDS_MAX)) return false;
  const expected = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .update(`${id}.${sentAt}.`)
    .update(body)
    .digest('base64');
  return String(headers['webhook-signature'])
    .split(' ')
    .some((signature) => isSame(`v1,${expected}`, signature));
}

function isSame(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected, 'utf8'), Buffer.from(given, 'utf8')];
  return left.length === right.length && timingSafeEqual(left, right);
}
