import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type AnyJson, startService, type TestService, waitFor } from '@switchboard/stack/testing';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { crashSeed, killsOfEach } from './support/crash-settings.ts';
import { type Platform, startPlatform } from './support/platform.ts';
import { createRandom } from './support/random.ts';

/*
 * Two tokens and somebody of staff open, change and comment tickets at random, while processes are killed and NATS is away.
 * Every request is repeated by a careful client until it is answered. In the end whoever followed the feed and whoever
 * followed the webhooks know the same as the database, each change once, and nothing of what stays inside.
 *
 * `SWITCHBOARD_CRASH_KILLS=20` is a long run, `SWITCHBOARD_CRASH_SEED` another one.
 */
const SEED = crashSeed(2_611);
const KILLS = killsOfEach(1);
const STEPS_BETWEEN_KILLS = 14;
const SURFACE = '/functions/v1/integration-tickets';
const STAFF = '/api/admin/v1/tickets';
const MARKER = 'between-us-alone';
const STATUSES = ['open', 'in_progress', 'waiting', 'resolved', 'closed'] as const;

interface Ticket {
  readonly id: string;
  readonly [field: string]: unknown;
}
interface Change {
  readonly sequence: number;
  readonly id: string;
  readonly type: string;
  readonly ticket_id: string;
  readonly data: {
    readonly ticket: Ticket;
    readonly comment?: { readonly id: string; readonly content: string };
  };
}
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnyJson;
}

let platform: Platform;
let second: TestService;
let staffToken: string;
let staffId: string;
const random = createRandom(SEED);
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)] as Item;

/** Repeats a request until its answer is definite: whoever has none does not know whether it was done. */
const ask = async (
  token: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetch(`${platform.gatewayUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(20_000),
      });
      const text = await answer.text();
      if (answer.status < 500 && answer.status !== 429) {
        return {
          status: answer.status,
          headers: answer.headers,
          body: text === '' ? null : JSON.parse(text),
        };
      }
    } catch {
      // Broken off: nobody knows.
    }
    if (tries > 200) throw new Error(`${method} ${path} has no definite answer`);
    await pause(200);
  }
};
const create = (token: string, path: string, body: unknown): Promise<Answer> =>
  ask(token, 'POST', path, body, { 'idempotency-key': randomUUID() });

/** What somebody who follows makes of the changes, in their order. */
class State {
  readonly tickets = new Map<string, Ticket>();
  readonly comments = new Map<string, string>();
  readonly ids: string[] = [];
  last = 0;

  apply(change: Change): void {
    expect(change.sequence).toBe(this.last + 1);
    this.last = change.sequence;
    this.ids.push(change.id);
    this.tickets.set(change.ticket_id, change.data.ticket);
    const { comment } = change.data;
    if (comment) this.comments.set(comment.id, comment.content);
  }
}

interface Follower {
  readonly tokenId: string;
  readonly token: string;
  readonly byFeed: State;
  readonly feed: { stop: () => void; ended: Promise<void> };
  /** As they came: out of order, and more than once. */
  readonly byWebhook: Map<number, Change>;
  readonly faults: unknown[];
  readonly server: Server;
  readonly opened: Set<string>;
  readonly publicComments: Set<string>;
}

const followFeed = (token: string, state: State, faults: unknown[]): Follower['feed'] => {
  let isStopped = false;
  const run = async () => {
    while (!isStopped) {
      const path = `${SURFACE}/tickets/changes?wait=2&limit=20&cursor=${state.last}`;
      const { status, body } = await ask(token, 'GET', path);
      if (status !== 200) throw new Error(`the feed answered ${status}: ${JSON.stringify(body)}`);
      for (const change of body.changes) state.apply(change);
    }
  };
  const ended = run().catch((error: unknown) => void faults.push(error));
  const stop = () => {
    isStopped = true;
  };
  return { stop, ended };
};

const startFollower = async (name: string): Promise<Follower> => {
  const { id: tokenId, token } = await platform.createIntegrationToken({
    name,
    rate_limit_per_hour: 100_000,
  });
  const byWebhook = new Map<number, Change>();
  const faults: unknown[] = [];
  let verifier: Webhook | undefined;
  let requests = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests += 1;
      // Now and then it fails: the same comes again.
      if (requests === 5) return response.writeHead(500).end();
      try {
        const body = Buffer.concat(chunks).toString('utf8');
        const headers = request.headers as Record<string, string>;
        const said = verifier?.verify(body, headers) as {
          type: string;
          data: Change['data'] & { sequence: number; ticket_id: string };
        };
        const { sequence, ticket_id, ...data } = said.data;
        const change = { sequence, ticket_id, data, type: said.type, id: String(headers['webhook-id']) };
        const known = byWebhook.get(sequence);
        if (known && known.id !== change.id) throw new Error(`${sequence} has two ids`);
        byWebhook.set(sequence, change);
        response.end('OK');
      } catch (error) {
        faults.push(error);
        response.writeHead(400).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const made = await create(token, `${SURFACE}/webhooks`, { url });
  expect(made.status).toBe(201);
  verifier = new Webhook(made.body.webhook.secret);
  const byFeed = new State();
  return {
    tokenId,
    token,
    byFeed,
    feed: followFeed(token, byFeed, faults),
    byWebhook,
    faults,
    server,
    opened: new Set(),
    publicComments: new Set(),
  };
};

let followers: readonly Follower[] = [];
const internalNotes = new Set<string>();
let staffActs = 0;

beforeAll(async () => {
  platform = await startPlatform(
    // A receiver that failed is tried again soon, and many times: what counts is what it ends with.
    { 'webhook-dispatcher': { WEBHOOK_STANDARD_SCHEDULE_SECONDS: '0,1,1,2,2,5,5,5,5,5' } },
    { without: ['partner-service', 'call-service', 'ai-service'] },
  );
  const agent = await platform.createUser({ role: 'agent' });
  [staffToken, staffId] = [agent.accessToken, agent.id];
  followers = [await startFollower('First'), await startFollower('Second')];
  const { PORT: _own, ...environment } = platform.environmentOf('ticket-service');
  second = await startService('ticket-service', environment);
  await second.waitReady();
}, 180_000);
afterAll(async () => {
  for (const { feed, server } of followers) {
    feed.stop();
    server.closeAllConnections();
    server.close();
  }
  await Promise.all(followers.map(({ feed }) => feed.ended));
  await second?.stop();
  await platform?.stop();
});

const step = async (follower: Follower): Promise<void> => {
  const { token, opened, publicComments } = follower;
  const id = opened.size > 0 ? pick([...opened]) : null;
  const one = `${SURFACE}/tickets/${id}`;
  const kind = id === null ? 0 : Math.floor(random.next() * 12);
  switch (kind) {
    case 0: {
      const made = await create(token, `${SURFACE}/tickets`, {
        title: `One ${random.next()}`,
        metadata: { a: 1 },
      });
      expect(made.status).toBe(201);
      opened.add(made.body.ticket.id);
      return;
    }
    case 1: {
      const tickets = [{ title: `Many ${random.next()}` }, {}, { title: 'And another', priority: 'urgent' }];
      const made = await create(token, `${SURFACE}/tickets/batch`, { tickets });
      expect(made.status).toBe(200);
      for (const { ticket } of made.body.results) if (ticket) opened.add(ticket.id);
      return;
    }
    case 2:
    case 3: {
      const isInternal = kind === 3;
      const content = isInternal ? `${MARKER} ${random.next()}` : `Said ${random.next()}`;
      const made = await create(token, `${one}/comments`, { content, is_internal: isInternal });
      expect(made.status).toBe(201);
      (isInternal ? internalNotes : publicComments).add(made.body.comment_id);
      return;
    }
    case 4:
    case 5: {
      const moved = await ask(token, 'PATCH', `${one}/status`, { status: pick(STATUSES) });
      expect(moved.status).toBe(200);
      return;
    }
    case 6: {
      const edit = {
        title: `Edited ${random.next()}`,
        metadata: { [`k${Math.floor(random.next() * 3)}`]: random.next() },
      };
      expect((await ask(token, 'PATCH', one, edit)).status).toBe(200);
      return;
    }
    case 7: {
      const { headers } = await ask(token, 'GET', one);
      const etag = headers.get('etag') ?? '';
      const raced = await ask(
        token,
        'PATCH',
        one,
        { description: `Raced ${random.next()}` },
        { 'if-match': etag },
      );
      expect([200, 412]).toContain(raced.status);
      return;
    }
    case 8: {
      const isInternal = random.next() < 0.5;
      const content = isInternal ? `${MARKER} ${random.next()}` : `Answered ${random.next()}`;
      const made = await create(staffToken, `${STAFF}/${id}/comments`, { content, is_internal: isInternal });
      expect(made.status).toBe(201);
      staffActs += 1;
      (isInternal ? internalNotes : publicComments).add(made.body.comment.id);
      return;
    }
    case 9: {
      const moved = await ask(staffToken, 'PATCH', `${STAFF}/${id}/status`, { status: pick(STATUSES) });
      expect(moved.status).toBe(200);
      return;
    }
    case 10: {
      const assigned = await ask(staffToken, 'PATCH', `${STAFF}/${id}`, {
        assignee_id: random.next() < 0.5 ? staffId : null,
      });
      expect(assigned.status).toBe(200);
      return;
    }
    default: {
      const changed = await ask(staffToken, 'PATCH', `${STAFF}/${id}`, {
        category: `c${Math.floor(random.next() * 4)}`,
      });
      expect(changed.status).toBe(200);
    }
  }
};

/** What is done to the platform between the steps; all of it is up again at the end of each. */
const kills: Readonly<Record<string, () => Promise<void>>> = {
  'ticket-service': async () => {
    await platform.services['ticket-service'].kill();
    await platform.services['ticket-service'].restart();
  },
  'both ticket-services': async () => {
    await Promise.all([platform.services['ticket-service'].kill(), second.kill()]);
    await Promise.all([platform.services['ticket-service'].restart(), second.restart()]);
    await Promise.all([platform.services['ticket-service'].waitReady(), second.waitReady()]);
  },
  'webhook-dispatcher': async () => {
    await platform.services['webhook-dispatcher'].kill();
    await platform.services['webhook-dispatcher'].restart();
  },
  nats: async () => {
    await platform.nats.kill();
    await pause(1_000);
    await platform.nats.restart();
  },
};

const work = async (steps: number): Promise<void> => {
  // Both tokens at once, and each in two lines: they meet on the same tickets.
  await Promise.all(
    [...followers, ...followers].map(async (follower) => {
      for (let done = 0; done < steps; done += 1) await step(follower);
    }),
  );
};

test(
  'whoever follows the feed and whoever follows the webhooks end with the truth',
  async () => {
    await work(STEPS_BETWEEN_KILLS / 2);
    for (let round = 0; round < KILLS; round += 1) {
      for (const [name, kill] of random.shuffle(Object.entries(kills))) {
        console.log(`tickets go on while ${name} is killed`);
        await Promise.all([work(STEPS_BETWEEN_KILLS), pause(random.between(50, 1_000)).then(kill)]);
      }
    }

    for (const follower of followers) {
      const { tokenId, token, byFeed, byWebhook, faults, opened, publicComments } = follower;
      const [truth] = await platform.query<{ last: number }>(
        'SELECT last_sequence::int AS last FROM tickets.token_feeds WHERE token_id = $1',
        [tokenId],
      );
      const last = truth?.last ?? 0;
      await waitFor(() => byFeed.last === last && byWebhook.size === last, {
        what: `all ${last} changes of ${tokenId} (feed ${byFeed.last}, webhooks ${byWebhook.size})`,
        timeoutMs: 90_000,
      });
      expect(faults).toEqual([]);

      // Each change once, and the same ids on both ways.
      const ordered = [...byWebhook.values()].sort((a, b) => a.sequence - b.sequence);
      const byWebhookState = new State();
      for (const change of ordered) byWebhookState.apply(change);
      expect(byWebhookState.ids).toEqual(byFeed.ids);
      expect(new Set(byFeed.ids).size).toBe(last);

      // Both know what the database knows, and so does the surface.
      const rows = await platform.query<{ id: string; title: string; status: string; updated_at: Date }>(
        'SELECT id, title, status, updated_at FROM tickets.tickets WHERE token_id = $1',
        [tokenId],
      );
      expect(new Set(rows.map(({ id }) => id))).toEqual(opened);
      for (const state of [byFeed, byWebhookState]) {
        expect(new Set(state.tickets.keys())).toEqual(opened);
        expect(new Set(state.comments.keys())).toEqual(publicComments);
        for (const { id, title, status, updated_at } of rows) {
          expect(state.tickets.get(id)).toMatchObject({
            id,
            title,
            status,
            updated_at: updated_at.toISOString(),
          });
        }
      }
      for (const id of opened) {
        const { body } = await ask(token, 'GET', `${SURFACE}/tickets/${id}`);
        expect(byFeed.tickets.get(id)).toEqual(body.ticket);
        expect(byWebhookState.tickets.get(id)).toEqual(body.ticket);
      }

      const listed: Ticket[] = [];
      for (let query = '?limit=30'; ; ) {
        const { body } = await ask(token, 'GET', `${SURFACE}/tickets${query}`);
        listed.push(...body.tickets);
        if (body.next_cursor === null) break;
        query = `?limit=30&cursor=${body.next_cursor}`;
      }
      expect(new Map(listed.map((ticket) => [ticket.id, ticket]))).toEqual(byFeed.tickets);
      const comments = await platform.query<{ id: string; content: string }>(
        'SELECT c.id, c.content FROM tickets.ticket_comments c JOIN tickets.tickets t ON t.id = c.ticket_id WHERE t.token_id = $1 AND NOT c.is_internal',
        [tokenId],
      );
      expect(byFeed.comments).toEqual(new Map(comments.map(({ id, content }) => [id, content])));
      expect(byWebhookState.comments).toEqual(byFeed.comments);

      // Nothing of what stays inside left.
      const outside = JSON.stringify([...byFeed.tickets.values(), ...byFeed.comments.values(), ordered]);
      expect(outside).not.toContain(MARKER);
    }

    // What was said is there once, inside and outside, and every act of staff is in the history.
    const said = new Set([
      ...internalNotes,
      ...followers.flatMap(({ publicComments }) => [...publicComments]),
    ]);
    const stored = await platform.query<{ id: string }>('SELECT id FROM tickets.ticket_comments');
    expect(stored).toHaveLength(said.size);
    expect(new Set(stored.map(({ id }) => id))).toEqual(said);
    const [acts] = await platform.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM tickets.ticket_changes WHERE actor_kind = 'staff' AND type = 'commented'`,
    );
    expect(acts?.count).toBe(staffActs);
    // The history leads, change by change, to what is so.
    const ends = await platform.query<{ id: string }>(
      `SELECT t.id FROM tickets.tickets t CROSS JOIN LATERAL (
       SELECT details->'changes'->'status'->>'to' AS status FROM tickets.ticket_changes
       WHERE ticket_id = t.id AND type = 'status_changed' ORDER BY created_at DESC, id DESC LIMIT 1
     ) AS latest WHERE latest.status <> t.status`,
    );
    expect(ends).toEqual([]);
  },
  600_000 * KILLS,
);
