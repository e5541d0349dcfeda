import type { ApiKeyPrincipal } from '@switchboard/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestCalls, type TestCalls, userOf } from './support/calls.ts';

const ADMIN = userOf('0192f0c1-2b3c-7d4e-8f50-617283940a10', { role: 'admin' });
const IMPORT = '/api/admin/v1/calls/import';
const OTHER_ACCOUNT = '0192f0c1-2b3c-7d4e-8f50-617283940a99';

let calls: TestCalls;
let other: ApiKeyPrincipal;
beforeAll(async () => {
  calls = await startTestCalls();
  other = { kind: 'api_key', key_id: OTHER_ACCOUNT, account_id: OTHER_ACCOUNT };
});
afterAll(() => calls?.close());

const importCalls = async (rows: readonly unknown[], account = calls.caller.account_id) => {
  const { status, body } = await calls.ask('POST', IMPORT, {
    by: ADMIN,
    body: { account_id: account, calls: rows },
  });
  expect(status).toBe(200);
  return body;
};
const list = async (query: Record<string, string> = {}, by = calls.caller) => {
  const { status, body } = await calls.ask('GET', `/api/v1/call-logs?${new URLSearchParams(query)}`, { by });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.data;
};
const names = async (query: Record<string, string>): Promise<string[]> =>
  (await list(query)).calls.map((call: { customerName: string }) => call.customerName);

const row = (callId: string, customerName: string, startTime: string, fields: object = {}) => ({
  callId,
  customerName,
  ani: '+1234567890',
  startTime,
  duration: 300,
  status: 'ended',
  ...fields,
});

describe('filters', () => {
  beforeAll(async () => {
    const taken = await importCalls([
      row('f1', 'John Doe', '2024-01-20T10:00:00Z'),
      row('f2', '100% _real_ \\o/', '2024-01-21T00:00:00Z', { ani: '+49 (151) 123', callType: 'video' }),
      row('f3', 'Ünal ŽIŽEK', '2024-01-20T23:59:59.999Z', { status: 'busy' }),
      row('f4', 'Straße 日本', '2024-01-22T10:00:00Z', { callType: 'outgoing' }),
    ]);
    expect(taken).toEqual({ imported: 4, skipped: 0, refused: [] });
    await importCalls([row('f1', 'John Foreign', '2024-01-20T10:00:00Z')], OTHER_ACCOUNT);
  });

  it.each<[string, Record<string, string>, string[]]>([
    ['a part of the name, in any case', { customerName: 'JOHN' }, ['John Doe']],
    ['letters of other alphabets, in any case', { customerName: 'ünal žiž' }, ['Ünal ŽIŽEK']],
    ['two characters that no index knows', { customerName: '日本' }, ['Straße 日本']],
    ['a percent sign that means itself', { customerName: '0% _' }, ['100% _real_ \\o/']],
    ['wildcards that match nothing', { customerName: '%_%' }, []],
    ['a backslash that means itself', { customerName: '\\o' }, ['100% _real_ \\o/']],
    ['a pattern that would take long', { customerName: '%a'.repeat(100) }, []],
    [
      'the empty fields of a form, which ask for nothing',
      {
        customerName: 'john',
        ani: '',
        startDate: '',
        endDate: '',
        status: '',
        callType: '',
        callId: '',
        limit: '',
      },
      ['John Doe'],
    ],
    ['the digits of a number', { ani: '49151123' }, ['100% _real_ \\o/']],
    ['no part of a number', { ani: '4915112' }, []],
    [
      'a day, both ends in it',
      { startDate: '2024-01-20', endDate: '2024-01-20' },
      ['Ünal ŽIŽEK', 'John Doe'],
    ],
    [
      'a time, both ends in it',
      { startDate: '2024-01-20T23:59:59.999Z', endDate: '2024-01-21T00:00:00Z' },
      ['100% _real_ \\o/', 'Ünal ŽIŽEK'],
    ],
    ['a time of another zone', { startDate: '2024-01-22T12:00:00 02:00' }, ['Straße 日本']],
    ['the rest of a day', { startDate: '2024-01-22T10:00:00Z', endDate: '2024-01-22' }, ['Straße 日本']],
    ['a status', { status: 'failed' }, ['Ünal ŽIŽEK']],
    ['a status and a type', { status: 'ended', callType: 'video' }, ['100% _real_ \\o/']],
    [
      'everything at once',
      { customerName: 'doe', ani: '+1 234567890', status: 'ended', callType: 'inbound' },
      ['John Doe'],
    ],
    ['an id that is none', { callId: "' OR 1=1 --" }, []],
    ['an offset', { offset: '3' }, ['John Doe']],
  ])('%s', async (_what, query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  it('a + that nobody encoded is a space, and finds the number all the same', async () => {
    const { body } = await calls.ask('GET', '/api/v1/call-logs?ani=+1234567890&customerName=John');
    expect(body.data.calls).toHaveLength(1);
    expect(body.data.total).toBe(1);
  });

  it.each([
    'limit=0',
    'limit=101',
    'offset=10001',
    'offset=1e3',
    'cursor=abc',
    'status=over',
    'startDate=2024-02-30',
    'startDate=2024-02-01&endDate=2024-01-01',
    'customerName=%00',
    `customerName=${'x'.repeat(201)}`,
    'ani=unknown',
  ])('%s is refused', async (query) => {
    const { status, body } = await calls.ask('GET', `/api/v1/call-logs?${query}`);
    expect({ status, code: body.error?.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  });

  it('pages leave out nothing, and calls of other accounts are nowhere', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: { calls: { callId: string }[]; nextCursor: string | null } = await list({
        limit: '1',
        ...(cursor === '' ? {} : { cursor }),
      });
      seen.push(...page.calls.map(({ callId }) => callId));
      cursor = page.nextCursor;
    }
    const all = await list();
    expect(seen).toEqual(all.calls.map((call: { callId: string }) => call.callId));
    expect(all.total).toBe(4);
    const [foreign] = (await list({}, other)).calls;
    expect(foreign.customerName).toBe('John Foreign');
    expect(await names({ callId: foreign.callId })).toEqual([]);
    expect((await calls.ask('GET', `/api/v1/call-logs/${foreign.callId}`)).body.error.code).toBe(
      'CALL_NOT_FOUND',
    );
    expect((await calls.ask('GET', `/api/v1/call-logs/${all.calls[0].callId}`)).body.data).toEqual(
      all.calls[0],
    );
  });

  it('a call that is not over is found by its name, its status and in the figures', async () => {
    const { callId } = await calls.startCall({ name: 'Still There', phone: '+15550100' });
    expect(await names({ customerName: 'still' })).toEqual(['Still There']);
    expect((await list({ status: 'initializing', customerName: 'there' })).calls[0]).toMatchObject({
      callId,
      endTime: null,
      duration: null,
    });
    const stats = async () => (await calls.ask('GET', '/api/v1/call-logs/stats')).body.data;
    expect(await stats()).toMatchObject({ total: 1, averageDuration: null, byStatus: { initializing: 1 } });
    await calls.ask('POST', `/api/v1/calls/${callId}/end`);
    expect(await stats()).toMatchObject({ total: 1, byStatus: { initializing: 0, ended: 1 } });
    expect(await names({ customerName: 'still', status: 'ended' })).toEqual(['Still There']);
  });
});

describe('an import', () => {
  it('takes rows as old systems wrote them, and counts them once', async () => {
    const rows = [
      row('l1', 'Legacy', '2023-01-20 10:00:00', {
        ani: '(555) 010-0199',
        callType: 'outgoing',
        status: 'completed',
        endTime: '2023-01-20 10:05:30.900',
        actions: [
          { type: 'note', timestamp: '2023-01-20 10:02:00', text: 'angry' },
          { action: 'dtmf', digit: 5, time: '1674208860', status: 'error' },
        ],
      }),
      row('l2', '', '1674208800', { status: 'no-answer', duration: null }),
      row('6F1B7C52-52A0-4CF2-9A0C-1C5A3B8F7D21', 'Own id', '1674208800123', { status: 'ringing' }),
      row('l1', 'Twice', '2023-01-20 10:00:00'),
      row('l3', 'Broken', '2023-02-30 10:00:00'),
      row('l4', 'Broken', '2023-01-20 10:00:00', { endTime: '2023-01-20 09:00:00' }),
      row('l5', 'Broken', '2023-01-20 10:00:00', { status: 'purple' }),
      { callId: 'l6', colour: 'red' },
      'nothing',
    ];
    const taken = await importCalls(rows);
    expect(taken).toMatchObject({ imported: 3, skipped: 1 });
    expect(
      taken.refused.map((one: { index: number; callId: string | null }) => [one.index, one.callId]),
    ).toEqual([
      [4, 'l3'],
      [5, 'l4'],
      [6, 'l5'],
      [7, 'l6'],
      [8, null],
    ]);
    expect(taken.refused[3].message).toContain('customerName: is required');
    expect(await importCalls(rows)).toMatchObject({ imported: 0, skipped: 4 });

    const found = await list({ startDate: '2023-01-01', endDate: '2023-12-31' });
    expect(found.calls).toMatchObject([
      {
        callId: '6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d21',
        status: 'ended',
        reason: 'service_lost',
        metadata: { legacyStatus: 'ringing' },
      },
      expect.anything(),
      expect.anything(),
    ]);
    expect((await list({ startDate: '2023-01-01', customerName: 'legacy' })).calls).toMatchObject([
      {
        ani: '5550100199',
        callType: 'outbound',
        duration: 330,
        endTime: '2023-01-20T10:05:30.900Z',
        metadata: { legacyCallId: 'l1', legacyStatus: 'completed' },
        actions: [
          { type: 'dtmf', timestamp: '2023-01-20T10:01:00.000Z', status: 'failed', dtmfDigit: '5' },
          { type: 'note', timestamp: '2023-01-20T10:02:00.000Z', status: 'performed' },
        ],
      },
    ]);
    const stats = await calls.ask('GET', '/api/v1/call-logs/stats?startDate=2023-01-20&endDate=2023-01-20');
    expect(stats.body.data).toMatchObject({
      total: 3,
      averageDuration: 210,
      byStatus: { ended: 2, failed: 1 },
    });
    const spans = await calls.rows(
      `SELECT (SELECT sum(calls) FROM calls.call_spans) = count(*) AS same FROM calls.calls WHERE ended_at IS NOT NULL`,
    );
    expect(spans).toEqual([{ same: true }]);
    const acts = await calls.events<{ action: string; after: object }>('calls.admin.acted');
    expect(acts.at(-1)).toMatchObject({
      action: 'call.import',
      target: { type: 'account', id: calls.caller.account_id },
      after: { imported: 3, skipped: 1, refused: 5 },
    });
  });

  it('never writes over the call of another account, nor says whose it is', async () => {
    const id = '6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d22';
    await importCalls([row(id, 'Mine', '2022-01-20 10:00:00')], OTHER_ACCOUNT);
    const taken = await importCalls([row(id, 'Theirs', '2022-01-20 10:00:00')]);
    expect(taken).toMatchObject({ imported: 0, skipped: 0, refused: [{ index: 0, callId: id }] });
    expect(JSON.stringify(taken)).not.toContain(OTHER_ACCOUNT);
    expect((await list({ callId: id }, other)).calls).toMatchObject([{ customerName: 'Mine' }]);
  });

  it('the same sent twice at once is taken once', async () => {
    const rows = Array.from({ length: 200 }, (_, n) => row(`r${n}`, 'Race', '2021-01-20 10:00:00'));
    const answers = await Promise.all([importCalls(rows), importCalls(rows.toReversed()), importCalls(rows)]);
    expect(answers.reduce((sum, { imported }) => sum + imported, 0)).toBe(200);
    const stats = await calls.ask('GET', '/api/v1/call-logs/stats?startDate=2021-01-20&endDate=2021-01-20');
    expect(stats.body.data.total).toBe(200);
  });

  it('is for administrators', async () => {
    const body = { account_id: OTHER_ACCOUNT, calls: [row('x', 'X', '2024-01-20')] };
    const refused = await calls.ask('POST', IMPORT, { by: userOf(OTHER_ACCOUNT), body });
    expect(refused.status).toBe(403);
    expect((await calls.ask('POST', IMPORT, { body })).status).toBe(401);
  });
});
