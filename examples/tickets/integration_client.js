// node integration_client.js: what an outside system does with tickets; nothing is to be installed (Node.js 18+)
import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ATTEMPTS_MAX = 6;
const TIMEOUT_SECONDS = 30;

/** An answer that is not 2xx: `code` is its `error`, such as `invalid_token`. */
export class IntegrationError extends Error {
  constructor(what, status, text, requestId) {
    super(`${what}: HTTP ${status}: ${text}`);
    this.name = 'IntegrationError';
    this.status = status;
    this.requestId = requestId;
    try {
      this.code = JSON.parse(text).error;
    } catch {
      this.code = undefined;
    }
  }
}

/** 0.5 s, 1 s, 2 s … 30 s, each up to half as much again by chance, so that many clients do not come back at once. */
const backoffSeconds = (attempt) => Math.min(0.5 * 2 ** (attempt - 1), 30) * (1 + Math.random() / 2);

/** A client of the tickets surface. */
export class IntegrationClient {
  /** @param onRetry is told each time when something is tried again, and why */
  constructor({ url, token, onRetry = () => {} }) {
    this.url = url.replace(/\/$/, '');
    this.token = token;
    this.onRetry = onRetry;
  }

  health() {
    return this.request('GET', '/');
  }

  /**
   * Give a key of your own, such as the number of the case in your system, and the same case opens no second ticket even
   * when your program is started again.
   */
  async createTicket(ticket, idempotencyKey = randomUUID()) {
    return (await this.request('POST', '/tickets', { body: ticket, idempotencyKey })).ticket;
  }

  async getTicket(id) {
    return (await this.request('GET', `/tickets/${id}`)).ticket;
  }

  /** A page `{ tickets, next_cursor }`: go on with `cursor` until next_cursor is null. */
  listTickets(query = {}) {
    return this.request('GET', '/tickets', { query });
  }

  async addComment(id, comment, idempotencyKey = randomUUID()) {
    const options = { body: comment, idempotencyKey };
    return (await this.request('POST', `/tickets/${id}/comments`, options)).comment_id;
  }

  /** Setting a status twice changes nothing the second time, so it is safe to repeat without a key. */
  async setStatus(id, status) {
    return (await this.request('PATCH', `/tickets/${id}/status`, { body: { status } })).ticket;
  }

  /** A page `{ changes, next_cursor }` of what happened after `cursor`; waits up to `wait` seconds for it. */
  listChanges({ cursor = '0', wait = 0 } = {}) {
    const options = { query: { cursor, wait }, timeoutSeconds: wait + TIMEOUT_SECONDS };
    return this.request('GET', '/tickets/changes', options);
  }

  /**
   * Every change after a cursor, for ever. Keep the sequence of the last one you worked on, and go on from there when your
   * program starts again. Throws when a number is missing, which would be a fault of the server.
   */
  async *followChanges(cursor) {
    let last = Number(cursor);
    for (;;) {
      const { changes } = await this.listChanges({ cursor: String(last), wait: 20 });
      for (const change of changes) {
        if (change.sequence !== last + 1) {
          throw new Error(`there is no change ${last + 1} before ${change.sequence}`);
        }
        last = change.sequence;
        yield change;
      }
    }
  }

  /**
   * The body of a 2xx answer. 429, 5xx and broken connections are tried again with the same idempotency key; any other
   * answer is a fault of the caller and is thrown at once.
   */
  async request(method, path, options = {}) {
    const { query = {}, body, idempotencyKey, timeoutSeconds = TIMEOUT_SECONDS } = options;
    const search = new URLSearchParams(query).toString();
    const headers = { accept: 'application/json', authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;

    const ask = async () => {
      const response = await fetch(this.url + path + (search && `?${search}`), {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        // Nobody else is given the token.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      });
      // Here, because the connection may still break while the body comes.
      return { response, text: await response.text() };
    };

    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt === ATTEMPTS_MAX;
      const answer = await ask().catch((error) => {
        if (isLast) throw error;
        return { fault: error.cause?.code ?? error.message };
      });
      if (answer.response?.ok) return answer.text === '' ? {} : JSON.parse(answer.text);
      const status = answer.response?.status;
      if (isLast || (status !== undefined && status !== 429 && status < 500)) {
        const requestId = answer.response.headers.get('x-request-id');
        throw new IntegrationError(`${method} ${path}`, status, answer.text, requestId);
      }
      const asked = Number.parseInt(answer.response?.headers.get('retry-after') ?? '', 10);
      const seconds = Number.isNaN(asked) ? backoffSeconds(attempt) : asked;
      const why = answer.fault ?? `HTTP ${status}`;
      this.onRetry(`${method} ${path}: ${why}; again in ${seconds.toFixed(1)} s`);
      await sleep(seconds * 1000);
    }
  }
}

/** INTEGRATION_TOKEN and INTEGRATION_URL, as the guide sets them. */
export const clientFromEnvironment = (options = {}) => {
  const { INTEGRATION_TOKEN: token, INTEGRATION_URL: url } = process.env;
  if (!token || !url) {
    throw new Error(
      'Set INTEGRATION_TOKEN to your token, stk_…, and INTEGRATION_URL to https://…/functions/v1/integration-tickets.',
    );
  }
  return new IntegrationClient({ url, token, ...options });
};

export const main = async () => {
  const client = clientFromEnvironment({ onRetry: (words) => console.error(words) });
  console.log(`health: ${(await client.health()).status}`);

  // Where the feed is now: what comes after it is new.
  const { next_cursor: start } = await client.listChanges({ cursor: 'latest' });

  const { id } = await client.createTicket({
    title: 'The printer is on fire',
    description: 'Third floor, beside the stairs.',
    priority: 'high',
    category: 'hardware',
    metadata: { source: 'integration_client.js' },
  });
  console.log(`opened: ${id}`);

  const ticket = await client.getTicket(id);
  console.log(`read: ${ticket.title} (${ticket.status}, ${ticket.priority})`);
  console.log(`commented: ${await client.addComment(id, { content: 'It still burns.' })}`);
  console.log(`status: ${(await client.setStatus(id, 'in_progress')).status}`);

  const { tickets } = await client.listTickets({ status: 'in_progress', limit: 20 });
  const isAmong = tickets.some((one) => one.id === id);
  console.log(`listed: ${id} is ${isAmong ? 'among them' : 'on another page'}`);

  // The changes of all tickets of this token are numbered 1, 2, 3 … Whoever has every number missed nothing.
  const expected = new Set(['ticket.created', 'ticket.commented', 'ticket.status_changed']);
  for await (const { sequence, type, ticket_id } of client.followChanges(start)) {
    console.log(`change ${sequence}: ${type} ${ticket_id}`);
    if (ticket_id === id) expected.delete(type);
    if (expected.size > 0) continue;
    console.log(`nothing was missed: changes ${Number(start) + 1} to ${sequence}`);
    break;
  }
};

/** Runs `main`, and says in words what went wrong. */
export const run = () =>
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await run();
