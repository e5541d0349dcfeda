import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outside, outside } from './support/surface.ts';
import { SURFACE, startTestTickets, type TestTickets } from './support/tickets.ts';

/* The tickets surface as its guide and the specification say, and what hostile callers get of it. */
let tickets: TestTickets;
let mine: Outside;
let other: Outside;
beforeAll(async () => {
  tickets = await startTestTickets();
  mine = await outside(tickets);
  other = await outside(tickets, 'Another one');
}, 60_000);
afterAll(() => tickets?.close());

const UNKNOWN = '0192f0c1-2b3c-7d4e-8f50-617283940a99';
const EXAMPLE = {
  title: 'The printer is on fire',
  description: 'It is the one on the third floor.',
  priority: 'high',
  category: 'hardware',
  metadata: { floor: 3, nested: { a: [1, null] } },
};

describe('a ticket', () => {
  test('is opened with all that was said of it, and is the same when it is got', async () => {
    const made = await mine.ask('POST', '/tickets', EXAMPLE);
    expect(made.status).toBe(201);
    expect(made.body.ticket).toMatchObject({
      ...EXAMPLE,
      status: 'open',
      resolved_at: null,
      closed_at: null,
    });
    const got = await mine.ask('GET', `/tickets/${made.body.ticket.id}`);
    expect(got).toMatchObject({ status: 200, body: made.body });
    expect(got.headers.etag).toBe(made.headers.etag);
  });

  test('takes null for all that is optional', async () => {
    const nothing = { description: null, priority: null, category: null, metadata: null };
    const made = await mine.ask('POST', '/tickets', { title: 'x', ...nothing });
    expect(made.body.ticket).toMatchObject({
      description: null,
      priority: 'medium',
      category: null,
      metadata: {},
    });
  });

  test.each([
    [{}, 'missing_required_field'],
    [{ title: null }, 'invalid_field'],
    [{ title: '' }, 'invalid_field'],
    [{ title: 'x'.repeat(501) }, 'invalid_field'],
    [{ title: 'x', priority: 'highest' }, 'invalid_field'],
    [{ title: 'x', category: 'x'.repeat(101) }, 'invalid_field'],
    [{ title: 'x', metadata: [] }, 'invalid_field'],
    [{ title: 'x', metadata: { bomb: 'x'.repeat(16_001) } }, 'invalid_field'],
    [{ title: 'x\u0000y' }, 'invalid_field'],
    [{ title: 'x\ud800y' }, 'invalid_field'],
    [{ title: 'x', description: 'x'.repeat(50_001) }, 'invalid_field'],
    [{ title: 'x', metadata: { id: 2 ** 53 } }, 'invalid_field'],
    [{ title: 'x', metadata: { ids: [{ id: -1e300 }] } }, 'invalid_field'],
  ])('%# is refused in words: %j', async (body, error) => {
    const refused = await mine.ask('POST', '/tickets', body);
    expect(refused).toMatchObject({ status: 400, body: { error } });
    expect(refused.body.message).toMatch(/title|priority|category|metadata|description|body/);
  });

  test('with a number that no number here can be is refused: it would come back as another', async () => {
    for (const number of ['1e400', '-1e400', '12345678901234567890', '9007199254740993']) {
      const raw = `{"title":"x","metadata":{"id":${number}}}`;
      const refused = await mine.ask('POST', '/tickets', undefined, { raw });
      expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_field' } });
      expect(refused.body.message).toContain('as strings');
    }
    const exact = { id: 2 ** 53 - 1, low: -(2 ** 53) + 1, share: 0.1, tiny: 1e-300 };
    const made = await mine.ask('POST', '/tickets', { title: 'x', metadata: exact });
    expect(made.body.ticket.metadata).toEqual(exact);
  });

  test('keeps blanks where they mean something, and only there', async () => {
    const stack = '    at main (program.js:1)\n  at start\n';
    const made = await mine.ask('POST', '/tickets', {
      title: ' Trimmed ',
      category: ' it ',
      description: stack,
    });
    expect(made.body.ticket).toMatchObject({ title: 'Trimmed', category: 'it', description: stack });
    const id = made.body.ticket.id;
    await mine.ask('POST', `/tickets/${id}/comments`, { content: stack });
    expect((await mine.ask('GET', `/tickets/${id}/comments`)).body.comments).toMatchObject([
      { content: stack },
    ]);
    expect((await mine.ask('POST', `/tickets/${id}/comments`, { content: ' \n ' })).status).toBe(400);
    const blank = await mine.ask('PATCH', `/tickets/${id}`, { description: ' \n ' });
    expect(blank.body.ticket.description).toBeNull();
  });

  test('is the same request whether it says null or nothing', async () => {
    const options = { headers: { 'idempotency-key': 'null-or-nothing' } };
    const first = await mine.ask('POST', '/tickets', { title: 'x' }, options);
    const again = await mine.ask('POST', '/tickets', { title: 'x', category: null, metadata: null }, options);
    expect(again).toMatchObject({ status: 201, body: first.body });
  });

  test('whose metadata nests deeper than a stack is refused, and nobody else waits for it', async () => {
    const raw = `{"title":"x","metadata":${'{"a":'.repeat(60_000)}1${'}'.repeat(60_000)}}`;
    expect((await mine.ask('POST', '/tickets', undefined, { raw })).status).toBe(400);
    const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, index]));
    expect((await mine.ask('POST', '/tickets', { title: 'x', metadata: wide })).status).toBe(400);
  });

  test('keeps words as they are, whatever they would be elsewhere', async () => {
    const words = `'); DROP TABLE tickets.tickets; -- <script>alert(1)</script> \${x} %00 {{x}} 👩‍👩‍👧`;
    const made = await mine.ask('POST', '/tickets', {
      ...EXAMPLE,
      title: words,
      category: words,
      description: words,
    });
    expect(made.body.ticket).toMatchObject({ title: words, category: words, description: words });
  });
});

describe('a status', () => {
  test('moves between any two, with the stamps that belong to it', async () => {
    const id = await mine.open();
    const seen: string[] = [];
    for (const status of ['resolved', 'closed', 'open', 'closed', 'resolved', 'waiting', 'in_progress']) {
      const moved = await mine.ask('PATCH', `/tickets/${id}/status`, { status });
      expect(moved).toMatchObject({ status: 200, body: { success: true, ticket: { id, status } } });
      const { ticket } = (await mine.ask('GET', `/tickets/${id}`)).body;
      seen.push([status, ticket.resolved_at && 'resolved', ticket.closed_at && 'closed'].join(' '));
    }
    expect(seen).toEqual([
      'resolved resolved ',
      'closed resolved closed',
      'open  ',
      'closed  closed',
      'resolved resolved ',
      'waiting  ',
      'in_progress  ',
    ]);
  });

  test('that it has already changes nothing', async () => {
    const id = await mine.open();
    const before = await mine.ask('GET', `/tickets/${id}`);
    expect((await mine.ask('PATCH', `/tickets/${id}/status`, { status: 'open' })).status).toBe(200);
    expect((await mine.ask('GET', `/tickets/${id}`)).headers.etag).toBe(before.headers.etag);
  });

  test('that there is not is refused', async () => {
    const id = await mine.open();
    for (const [body, error] of [
      [{ status: 'done' }, 'invalid_field'],
      [{}, 'missing_required_field'],
    ] as const) {
      const refused = await mine.ask('PATCH', `/tickets/${id}/status`, body);
      expect(refused).toMatchObject({ status: 400, body: { error } });
    }
  });
});

describe('an edit', () => {
  test('changes what it names, clears what is null, and merges metadata', async () => {
    const id = await mine.open(EXAMPLE);
    const edited = await mine.ask('PATCH', `/tickets/${id}`, {
      title: 'It is out',
      description: null,
      metadata: { floor: null, room: '3.14' },
    });
    expect(edited.body.ticket).toMatchObject({
      title: 'It is out',
      description: null,
      category: 'hardware',
      metadata: { nested: { a: [1, null] }, room: '3.14' },
    });
    expect(edited.body.ticket.metadata.floor).toBeUndefined();
  });

  test('merges metadata as RFC 7396 says', async () => {
    // Its appendix A, but for what is no object.
    for (const [before, patch, after] of [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
      [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
      [{ a: 'b' }, { a: null }, {}],
      [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
      [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
      [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
      [{ a: 1 }, null, {}],
    ]) {
      const id = await mine.open({ metadata: before });
      const edited = await mine.ask('PATCH', `/tickets/${id}`, { metadata: patch });
      expect(edited.body.ticket.metadata).toEqual(after);
    }
  });

  test('whose merged metadata is too large is refused, and nothing changes', async () => {
    const id = await mine.open({ metadata: { a: 'x'.repeat(9_000) } });
    const before = await mine.ask('GET', `/tickets/${id}`);
    const refused = await mine.ask('PATCH', `/tickets/${id}`, { metadata: { b: 'x'.repeat(9_000) } });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_field' } });
    expect(await mine.ask('GET', `/tickets/${id}`)).toMatchObject({ body: before.body });
  });

  test('of nothing is refused', async () => {
    const id = await mine.open();
    expect((await mine.ask('PATCH', `/tickets/${id}`, {})).status).toBe(400);
  });

  test('with If-Match is made by one of many that race, over and over', async () => {
    const id = await mine.open();
    const replica = await tickets.startReplica();
    for (let round = 0; round < 3; round += 1) {
      const { etag } = (await mine.ask('GET', `/tickets/${id}`)).headers;
      const racers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          mine.ask(
            'PATCH',
            `/tickets/${id}`,
            { title: `By ${round}.${index}` },
            {
              headers: { 'if-match': String(etag) },
              ...(index % 2 ? { app: replica } : {}),
            },
          ),
        ),
      );
      expect(racers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(7).fill(412)]);
      expect(racers.find(({ status }) => status === 412)?.body.error).toBe('precondition_failed');
      const winner = racers.find(({ status }) => status === 200);
      expect((await mine.ask('GET', `/tickets/${id}`)).body).toEqual(winner?.body);
    }
  });

  test.each(['*', '"x", W/"y", "v1"', '"v1"'])('takes If-Match: %s', async (header) => {
    const id = await mine.open();
    const edited = await mine.ask(
      'PATCH',
      `/tickets/${id}`,
      { title: 'y' },
      { headers: { 'if-match': header } },
    );
    expect(edited.status).toBe(200);
  });

  test.each(['W/"v1"', 'v1', '"v2"', '', '"'.repeat(5_000)])('refuses If-Match: %s', async (header) => {
    const id = await mine.open();
    const edited = await mine.ask(
      'PATCH',
      `/tickets/${id}`,
      { title: 'y' },
      { headers: { 'if-match': header } },
    );
    expect(edited.status).toBe(412);
  });

  test('that somebody knows already costs a GET no body', async () => {
    const id = await mine.open();
    const { etag } = (await mine.ask('GET', `/tickets/${id}`)).headers;
    const again = await mine.ask('GET', `/tickets/${id}`, undefined, {
      headers: { 'if-none-match': String(etag) },
    });
    expect(again).toMatchObject({ status: 304, body: null });
  });
});

describe('a batch', () => {
  test('opens what is well, says what is not, in order', async () => {
    const batch = [{ title: 'a' }, {}, { title: 'b', priority: 'urgent' }, { title: 7 }, 'x', null];
    const { status, body } = await mine.ask('POST', '/tickets/batch', { tickets: batch });
    expect(status).toBe(200);
    expect(body.results.map((each: { status: number }) => each.status)).toEqual([
      201, 400, 201, 400, 400, 400,
    ]);
    expect(body.results[0].ticket.title).toBe('a');
    expect(body.results[1].error).toMatchObject({ error: 'missing_required_field' });
    expect(body.results[2].ticket).toMatchObject({ title: 'b', priority: 'urgent' });
    expect(body.results[3].error).toMatchObject({ error: 'invalid_field' });
    expect((await mine.ask('GET', `/tickets/${body.results[2].ticket.id}`)).status).toBe(200);
  });

  test('opens what is well beside texts and keys that are refused anywhere', async () => {
    const good = '{"title":"good"}';
    const raw = `{"tickets":[${[
      good,
      '{"title":"x","description":"a\\u0000b"}',
      '{"title":"cut \\ud83d"}',
      '{"title":"x","metadata":{"a":{"__proto__":1}}}',
      '{"__proto__":{"title":"x"}}',
      `{"title":"x","metadata":${'{"a":'.repeat(30)}1${'}'.repeat(30)}}`,
      good,
    ].join(',')}]}`;
    const send = () =>
      tickets.call(mine.principal, 'POST', `${SURFACE}/tickets/batch`, {
        raw,
        headers: { 'content-type': 'application/json', 'idempotency-key': 'texts-and-keys' },
      });
    const { status, body } = await send();
    expect(status).toBe(200);
    expect(body.results.map((each: { status: number }) => each.status)).toEqual([
      201, 400, 400, 400, 400, 400, 201,
    ]);
    expect(body.results[3].error.details).toContain('metadata.a.__proto__');
    expect((await send()).body).toEqual(body);
  });

  test('is the same whether a field is null or left out, and listed in its order', async () => {
    const headers = { 'idempotency-key': 'nulls' };
    const titles = Array.from({ length: 20 }, (_, index) => `in order ${index}`);
    const send = (more: object) =>
      other.ask(
        'POST',
        '/tickets/batch',
        { tickets: titles.map((title) => ({ title, ...more })) },
        { headers },
      );
    const first = await send({ priority: null });
    expect((await send({})).body).toEqual(first.body);
    const newest = (await other.ask('GET', '/tickets?limit=20')).body.tickets;
    expect(newest.map(({ title }: { title: string }) => title)).toEqual(titles.toReversed());
  });

  test.each([[[]], [Array(101).fill({ title: 'x' })], ['x'], [undefined]])(
    '%# is refused as a whole',
    async (given) => {
      expect((await mine.ask('POST', '/tickets/batch', { tickets: given })).status).toBe(400);
    },
  );

  test('of a hundred that is repeated opens a hundred', async () => {
    const body = { tickets: Array.from({ length: 100 }, (_, index) => ({ title: `t${index}` })) };
    const headers = { 'idempotency-key': 'a-hundred' };
    const first = await other.ask('POST', '/tickets/batch', body, { headers });
    const again = await other.ask('POST', '/tickets/batch', body, { headers });
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replay']).toBe('true');
    const [count] = await tickets.rows<{ count: number }>(
      `SELECT count(*)::int FROM tickets.tickets WHERE token_id = $1 AND title LIKE 't%'`,
      [other.principal.token_id],
    );
    expect(count?.count).toBe(100);
  });
});

describe('a repeated request', () => {
  test('at once on two replicas opens one ticket, and all get the same answer', async () => {
    const replica = await tickets.startReplica();
    const headers = { 'x-idempotency-key': 'once' };
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        mine.ask('POST', '/tickets', EXAMPLE, { headers, ...(index % 2 ? { app: replica } : {}) }),
      ),
    );
    expect(new Set(answers.map(({ body }) => body.ticket.id)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201));
    expect(answers.filter(({ headers: given }) => given['idempotent-replay'] === 'true')).toHaveLength(5);
    const changed = await mine.ask('POST', '/tickets', { ...EXAMPLE, title: 'Another' }, { headers });
    expect(changed).toMatchObject({ status: 409, body: { error: 'duplicate_request' } });
    // A key is its token's.
    const foreign = await other.ask('POST', '/tickets', EXAMPLE, { headers });
    expect(foreign.body.ticket.id).not.toBe(answers[0]?.body.ticket.id);
  });

  test('comments once', async () => {
    const id = await mine.open();
    const headers = { 'idempotency-key': 'comment' };
    const first = await mine.ask('POST', `/tickets/${id}/comments`, { content: 'Hello' }, { headers });
    const again = await mine.ask('POST', `/tickets/${id}/comments`, { content: 'Hello' }, { headers });
    expect(again.body).toEqual(first.body);
    expect((await mine.ask('GET', `/tickets/${id}/comments`)).body.comments).toHaveLength(1);
  });
});

describe('comments', () => {
  test('come newest first, by pages, without internal notes', async () => {
    const id = await mine.open();
    for (const n of [1, 2, 3, 4, 5]) {
      const added = await mine.ask('POST', `/tickets/${id}/comments`, {
        content: `c${n}`,
        is_internal: n === 3,
      });
      expect(added).toMatchObject({ status: 201, body: { comment_id: expect.any(String) } });
    }
    const first = (await mine.ask('GET', `/tickets/${id}/comments?limit=2`)).body;
    const second = (await mine.ask('GET', `/tickets/${id}/comments?limit=2&cursor=${first.next_cursor}`))
      .body;
    const contents = [...first.comments, ...second.comments].map((each) => each.content);
    expect(contents).toEqual(['c5', 'c4', 'c2', 'c1']);
    expect(first.comments[0]).toEqual({
      id: expect.any(String),
      content: 'c5',
      author: 'Helpdesk',
      created_at: expect.any(String),
    });
    expect(second.next_cursor).toBeNull();
  });

  test.each([
    [{}, 'missing_required_field'],
    [{ content: '' }, 'invalid_field'],
    [{ content: 'x'.repeat(20_001) }, 'invalid_field'],
    [{ content: 'x', is_internal: 'yes' }, 'invalid_field'],
  ])('%# are refused in words', async (body, error) => {
    const id = await mine.open();
    const refused = await mine.ask('POST', `/tickets/${id}/comments`, body);
    expect(refused).toMatchObject({ status: 400, body: { error } });
  });

  test('that stay inside move nothing that is seen outside', async () => {
    const id = await mine.open();
    const before = await mine.ask('GET', `/tickets/${id}`);
    await mine.ask('POST', `/tickets/${id}/comments`, { content: 'Between us', is_internal: true });
    const after = await mine.ask('GET', `/tickets/${id}`);
    expect([after.body, after.headers.etag]).toEqual([before.body, before.headers.etag]);
  });
});

describe('a list', () => {
  test('has the filters that are promised', async () => {
    const third = await outside(tickets, 'Third');
    const urgent = await third.open({ priority: 'urgent', category: 'a' });
    await third.open({ priority: 'low', category: 'b' });
    const waiting = await third.open({ category: 'a' });
    await third.ask('PATCH', `/tickets/${waiting}/status`, { status: 'waiting' });
    const ids = async (query: string) =>
      (await third.ask('GET', `/tickets?${query}`)).body.tickets.map((each: { id: string }) => each.id);
    expect(await ids('')).toHaveLength(3);
    expect(await ids('priority=urgent')).toEqual([urgent]);
    expect(await ids('status=waiting')).toEqual([waiting]);
    expect(await ids('category=a')).toEqual([waiting, urgent]);
    expect(await ids('category=a&status=open&priority=')).toEqual([urgent]);
    expect(await ids('created_after=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await ids('created_before=2999-01-01')).toHaveLength(3);
    const first = (await third.ask('GET', '/tickets?limit=2')).body;
    expect(first.tickets).toHaveLength(2);
    expect((await third.ask('GET', `/tickets?limit=2&cursor=${first.next_cursor}`)).body).toMatchObject({
      tickets: [{ id: urgent }],
      next_cursor: null,
    });
  });

  test('an empty parameter asks for nothing', async () => {
    const id = await mine.open();
    for (const path of ['/tickets', '/tickets/changes', `/tickets/${id}/comments`]) {
      const asked = await mine.ask('GET', `${path}?cursor=&limit=&wait=`);
      expect(asked).toMatchObject({ status: 200 });
      expect(asked.body).toEqual((await mine.ask('GET', path)).body);
    }
  });

  test.each([
    'status=done',
    'priority=x',
    'limit=0',
    'limit=101',
    'limit=1e1',
    'cursor=x',
    'created_after=monday',
  ])('?%s is refused', async (query) => {
    const refused = await mine.ask('GET', `/tickets?${query}`);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_field' } });
    expect(refused.body.message).toContain(query.split('=')[0]);
  });
});

describe('whoever did not open a ticket', () => {
  test.each([
    ['GET', ''],
    ['PATCH', ''],
    ['PATCH', '/status'],
    ['POST', '/comments'],
    ['GET', '/comments'],
  ] as const)('finds nothing: %s /tickets/:id%s', async (method, path) => {
    const id = await mine.open();
    const body = method === 'GET' ? undefined : { title: 'x', status: 'closed', content: 'x' };
    const foreign = await other.ask(method, `/tickets/${id}${path}`, body);
    const unknown = await other.ask(method, `/tickets/${UNKNOWN}${path}`, body);
    expect(foreign).toMatchObject({ status: 404, body: { error: 'not_found' } });
    expect(foreign.body).toEqual(unknown.body);
    const wrong = await other.ask(method, `/tickets/42${path}`, body);
    expect(wrong).toMatchObject({ status: 400, body: { error: 'invalid_field' } });
    expect((await mine.ask('GET', `/tickets/${id}`)).body.ticket).toMatchObject({ status: 'open' });
  });
});
