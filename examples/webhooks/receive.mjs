// node receive.mjs — a receiver of webhooks that needs nothing installed (Node.js 18+)
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const TOLERANCE_SECONDS = 300;

/**
 * Throws when `body` is not what the owner of one of `secrets` signed a moment ago. `body` are the bytes as they came:
 * JSON that was parsed and printed again is not the same bytes.
 */
export const verify = (body, headers, secrets, nowMs = Date.now()) => {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !timestamp || !signatures) throw new Error('a webhook header is missing');
  // What is old may be a recording that somebody plays again.
  if (!/^\d+$/.test(timestamp) || Math.abs(nowMs / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Error('the timestamp is too far from now');
  }
  // Several while a secret is rotated, and other kinds (v1a) beside them; one that fits is enough.
  const given = signatures.split(' ').flatMap((one) => (one.startsWith('v1,') ? [one.slice(3)] : []));
  const fits = secrets.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
    return given.some((text) => {
      const bytes = Buffer.from(text, 'base64');
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
  });
  if (!fits) throw new Error('no signature fits');
};

/** Says whether a message is new, and where its sequence has a gap. A real receiver keeps this in its database. */
export const createInbox = () => {
  const seen = new Set();
  let last = 0;
  return (id, sequence) => {
    if (seen.has(id)) return { isNew: false, missing: null };
    seen.add(id);
    // A later attempt may come after newer messages: what is behind is late, not missing.
    const missing = last > 0 && sequence > last + 1 ? `${last + 1} to ${sequence - 1}` : null;
    last = Math.max(last, sequence);
    return { isNew: true, missing };
  };
};

const listen = () => {
  // The new one and the old one while a secret is rotated, divided by a space.
  const secrets = (process.env.WEBHOOK_SECRET ?? '').split(' ').filter(Boolean);
  if (secrets.length === 0) throw new Error('set WEBHOOK_SECRET to the secret of the endpoint, whsec_…');
  const note = createInbox();

  const server = createServer(async (request, response) => {
    const { 'webhook-id': id, 'webhook-sequence': sequence = '0' } = request.headers;
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
      verify(Buffer.concat(chunks), request.headers, secrets);
    } catch (error) {
      console.log(`refused: ${error.message}`);
      response.writeHead(400).end();
      return;
    }
    const { isNew, missing } = note(id, Number(sequence));
    // First the answer, then the work: what takes longer than 30 seconds is sent again. A real receiver puts the
    // message into a queue or table of its own before it answers.
    response.writeHead(204).end();
    if (missing) console.log(`gap: ${missing} not here yet; see the feed of the endpoint`);
    if (!isNew) return console.log(`repeat: ${id}`);
    const { type, data } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    console.log(`webhook ${sequence}: ${type} ${JSON.stringify(data)}`);
  });
  server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}/`);
  });
};

if (process.argv[1] === fileURLToPath(import.meta.url)) listen();
