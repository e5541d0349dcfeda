import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, createCli, makeConfigDir } from './support/cli.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

/** An administrator has 300 requests a minute, and so has whoever waits in their name. */
const seldom = { intervalMs: 250 };
const ROWS = 1_203;
const directory = mkdtempSync(join(tmpdir(), 'switchboard-calls-'));
const fileOf = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

/** As the guide's deployment kept its log. */
const makeDatabase = (): string => {
  const path = join(directory, 'calls.db');
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE call_logs (call_id TEXT PRIMARY KEY, customer_name TEXT, ani TEXT, call_type TEXT, start_time TEXT,
      end_time TEXT, duration INTEGER, status TEXT, actions TEXT)`);
  const insert = database.prepare('INSERT INTO call_logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  database.exec('BEGIN');
  for (let n = 0; n < ROWS; n += 1) {
    const start = new Date(Date.UTC(2024, 0, 20, 10) + n * 60_000)
      .toISOString()
      .slice(0, 19)
      .replace('T', ' ');
    insert.run(
      `call-${n}`,
      `Customer ${n}`,
      '+1234567890',
      'inbound',
      start,
      null,
      300,
      'completed',
      '[{"type":"mute"}]',
    );
  }
  database.exec(`COMMIT; UPDATE call_logs SET status = 'who knows' WHERE call_id = 'call-7'`);
  database.close();
  return path;
};

let gateway: TestGateway;
let cli: Cli;
let key: {
  readonly id: string;
  readonly account_id: string;
  readonly api_key: string;
  readonly api_secret: string;
};
const json = async (args: readonly string[]) => JSON.parse((await cli([...args, '--json'])).out);
const history = async (query: string) => {
  const response = await fetch(`${gateway.url}/api/v1/call-logs?${query}`, {
    headers: { 'x-api-key': key.api_key, 'x-api-secret': key.api_secret },
  });
  const body = (await response.json()) as { data: Record<string, unknown> & { calls: unknown[] } };
  return body.data;
};

beforeAll(async () => {
  gateway = await startTestGateway({ withCalls: true });
  cli = createCli({ configDir: makeConfigDir() });
  let printed = '';
  await cli(['login', '--url', gateway.url], {
    onPrint(text) {
      printed = text;
    },
    onPause: () => gateway.decide(printed, 'approve'),
  });
  key = await json(['api-keys', 'create', 'Dialler', '--account', 'Acme']);
}, 120_000);
afterAll(() => gateway?.stop());

it('the SQLite log of an earlier deployment is taken in once, however often it is sent, and is on record', async () => {
  const path = makeDatabase();
  const looked = await cli(['calls', 'import', path, '--dry-run']);
  expect(looked.out).toContain('table call_logs: callId from call_id, customerName from customer_name, ani');
  expect(looked).toMatchObject({ code: 0, out: expect.stringContaining('1,203') });
  expect(await history('limit=1')).toMatchObject({ calls: [], total: 0 });

  const first = await cli(['calls', 'import', path, '--account', 'Acme']);
  expect(first).toMatchObject({ code: 1, err: expect.stringContaining('1 of 1,203 calls were refused') });
  expect(first.out).toMatch(/imported +1,202\b/);
  expect(first.out).toMatch(/row 8 \(call-7\): status: is not known/);
  const database = new DatabaseSync(path);
  database.exec(`UPDATE call_logs SET status = 'no-answer' WHERE call_id = 'call-7'`);
  database.close();
  const again = await json(['calls', 'import', path, '--account', key.id]);
  expect(again).toMatchObject({
    account_id: key.account_id,
    read: ROWS,
    imported: 1,
    skipped: ROWS - 1,
    refused: 0,
  });

  expect(await history('customerName=customer%207&endDate=2024-01-20T10:07:00Z')).toMatchObject({
    calls: [
      {
        customerName: 'Customer 7',
        startTime: '2024-01-20T10:07:00.000Z',
        endTime: '2024-01-20T10:12:00.000Z',
        duration: 300,
        status: 'failed',
        reason: 'no_answer',
        actions: [{ type: 'mute', status: 'performed' }],
        metadata: { legacyCallId: 'call-7' },
      },
    ],
  });
  await waitFor(async () => (await json(['audit', 'list', '--action', 'call.import'])).length >= 4, {
    what: 'the record of the four requests that imported something',
    ...seldom,
  });
});

it('a CSV file of a spreadsheet is taken in', async () => {
  const path = fileOf(
    'calls.csv',
    '\uFEFFCall ID;Name;Phone;Start;End;Status\r\n1;"Müller; ""Max""";+49 151 123;1705744800;1705744860;busy\r\n\r\n2;Nobody;12;not a time;;\r\n',
  );
  const ran = await cli(['calls', 'import', path, '--account', key.account_id]);
  expect(ran.code).toBe(1);
  expect(ran.out).toMatch(/line \d \(2\): startTime: must be a time/);
  expect((await history('ani=49151123')).calls).toMatchObject([
    {
      customerName: 'Müller; "Max"',
      startTime: '2024-01-20T10:00:00.000Z',
      status: 'failed',
      reason: 'busy',
    },
  ]);
});

it.each([
  ['that is not there', () => join(directory, 'none.csv'), 'cannot be read'],
  ['that is empty', () => fileOf('empty.csv', ''), 'is empty'],
  ['that is a picture', () => fileOf('a.png', Uint8Array.of(137, 80, 78, 71, 0, 0)), 'neither'],
  [
    'that only begins like SQLite',
    () => fileOf('a.db', `SQLite format 3\0${'x'.repeat(200)}`),
    'cannot be opened',
  ],
  ['without names of columns', () => fileOf('b.csv', 'a,b\n1,2\n'), 'no column for callId, startTime'],
  ['with a quote too many', () => fileOf('c.csv', 'callId,ani,startTime\n"1,2,3\n'), 'no CSV'],
  [
    'that is Latin-1',
    () => fileOf('d.csv', Buffer.from('callId,name,startTime\n1,M\xfcller,2024-01-20\n', 'latin1')),
    'not UTF-8',
  ],
])('a file %s is refused in words', async (_what, make, words) => {
  const ran = await cli(['calls', 'import', make(), '--account', 'Acme']);
  expect(ran).toMatchObject({ code: 1, err: expect.stringContaining(words) });
});

it('a call is shown, of whatever account, with the tickets about it', async () => {
  const path = fileOf(
    'one.csv',
    'callId,customerName,ani,startTime,status\none-1,Dana,+15550100,2024-02-01 10:00:00,no-answer\n',
  );
  await json(['calls', 'import', path, '--account', 'Acme']);
  const { calls } = await history('customerName=Dana');
  const { callId } = calls[0] as { callId: string };
  const opened = await fetch(`${gateway.url}/api/v1/calls/${callId}/support-tickets`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-api-key': key.api_key,
      'x-api-secret': key.api_secret,
    },
    body: JSON.stringify({ title: 'Call back' }),
  });
  const { ticketId } = ((await opened.json()) as { data: { ticketId: string } }).data;
  // As staff come to it: from the ticket.
  await waitFor(async () => (await cli(['tickets', 'show', ticketId])).out.includes(callId), {
    what: 'the ticket to name its call',
    ...seldom,
  });
  expect(await json(['calls', 'show', callId])).toMatchObject({
    callId,
    metadata: { legacyCallId: 'one-1' },
    supportTickets: [{ ticketId, status: 'open' }],
  });
  await cli(['tickets', 'status', ticketId, 'waiting']);
  await waitFor(
    async () => (await cli(['calls', 'show', callId])).out.includes(`${ticketId} (waiting), opened `),
    { what: 'the call to know how far its ticket is', ...seldom },
  );
  const { code, out } = await cli(['calls', 'show', callId]);
  expect(code).toBe(0);
  expect(out).toMatch(/customer +Dana\n.*\+15550100/);
  expect(out).toMatch(/status +failed: no_answer/);
  expect(await cli(['calls', 'show', 'call-7'])).toMatchObject({ code: 2 });
  expect(await cli(['calls', 'show', crypto.randomUUID()])).toMatchObject({
    code: 1,
    err: expect.stringContaining('No such call'),
  });
});

it('an account that nobody has is refused before anything is sent', async () => {
  const path = fileOf('one.csv', 'callId,ani,startTime\n1,12,2024-01-20\n');
  for (const account of ['Acne', '0192f0c1-2b3c-7d4e-8f50-617283940a1b']) {
    expect(await cli(['calls', 'import', path, '--account', account])).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no account'),
    });
  }
  expect((await cli(['calls', 'import', path])).code).toBe(2);
});
