// node receive_webhooks.js: keeps a copy of your tickets by webhooks, and heals it from the feed (Node.js 18+)
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { verify } from '../webhooks/receive.mjs';
import { clientFromEnvironment } from './integration_client.js';

const BODY_BYTES_MAX = 10_000_000;

/**
 * The tickets of a token as its changes make them, in a file. `last` is the sequence of the last change that was worked on:
 * they are numbered 1, 2, 3 … over all tickets of the token, in the feed and in `data.sequence` of webhooks alike, so
 * whoever has them up to `last` has everything up to there. A real one is a table, changed in one transaction with `last`.
 */
class Copy {
  constructor(client, file) {
    this.client = client;
    this.file = file;
    this.last = 0;
    this.tickets = {};
  }

  async load() {
    await mkdir(dirname(this.file), { recursive: true });
    try {
      Object.assign(this, JSON.parse(await readFile(this.file, 'utf8')));
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }

  /** Takes what comes next, and nothing else. */
  async apply(sequence, type, ticket, from) {
    if (sequence !== this.last + 1) {
      throw new Error(`there is no change ${this.last + 1} before ${sequence}`);
    }
    this.tickets[ticket.id] = ticket;
    this.last = sequence;
    // Whoever reads the file sees it as it was or as it is, never a part of it.
    await writeFile(`${this.file}.new`, JSON.stringify({ last: this.last, tickets: this.tickets }));
    await rename(`${this.file}.new`, this.file);
    console.log(`change ${sequence} by ${from}: ${type} ${ticket.id} ${ticket.status}`);
  }

  async receive(type, { sequence, ticket }) {
    if (sequence <= this.last) return console.log(`known: ${sequence}`);
    if (sequence === this.last + 1) return this.apply(sequence, type, ticket, 'webhook');
    console.log(`gap: ${this.last + 1} to ${sequence - 1}; reading the feed`);
    await this.catchUp();
  }

  /** Everything that happened since `last`, of which no webhook has come, or none in order. */
  async catchUp() {
    for (;;) {
      const { changes } = await this.client.listChanges({ cursor: String(this.last) });
      if (changes.length === 0) return;
      for (const { sequence, type, data } of changes) await this.apply(sequence, type, data.ticket, 'feed');
    }
  }
}

const main = async () => {
  // The new one and the old one while a secret is rotated, divided by a space.
  const secrets = (process.env.WEBHOOK_SECRET ?? '').split(' ').filter(Boolean);
  if (secrets.length === 0) throw new Error('Set WEBHOOK_SECRET to the secret of the endpoint, whsec_…');
  const client = clientFromEnvironment({ onRetry: (words) => console.error(words) });
  // A file for each token: another one has other tickets, and numbers of its own.
  const name = `tickets-of-${client.token.slice(4, 12)}.json`;
  const copy = new Copy(client, process.env.STATE_FILE ?? join(tmpdir(), name));
  await copy.load();

  // One after the other: each knows what the one before it did. What fails here is not lost, but a gap for the next one.
  let work = copy.catchUp();
  const enqueue = (task) => {
    work = work.then(task).catch((error) => console.error(`not done: ${error.message}`));
  };
  await work;

  const server = createServer(async (request, response) => {
    const chunks = [];
    let bytes = 0;
    try {
      for await (const chunk of request) {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX) throw new Error('the body is too long');
        chunks.push(chunk);
      }
      verify(Buffer.concat(chunks), request.headers, secrets);
    } catch (error) {
      console.log(`refused: ${error.message}`);
      response.writeHead(400).end();
      return;
    }
    // First the answer, then the work. If this process dies in between, it finds the change in the feed when it starts again.
    response.writeHead(204).end();
    const { type, data } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (!Number.isInteger(data?.sequence)) return console.log(`not about a ticket: ${type}`);
    enqueue(() => copy.receive(type, data));
  });
  server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}/, up to change ${copy.last}`);
  });
};

await main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
