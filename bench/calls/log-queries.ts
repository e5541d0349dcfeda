import pg from 'pg';
import { Pool } from 'undici';
import { percentile } from '../support/figures.ts';
import type { Account, Rig } from './rig.ts';

export const SIZES = [1_000, 1_000_000] as const;
const QUERIES = 200;
const WARM_UP = 20;
const INSERTED_AT_ONCE = 100_000;

export interface QueryFigures {
  readonly name: string;
  /** p50 in ms, by the size of the account's log. */
  readonly p50Ms: readonly number[];
}

/**
 * A call log as accounts have: a year, newest last, one call in ten of somebody named Dana, one name that five calls have,
 * numbers that repeat. With the figures that the service keeps beside it, and without frames.
 */
const fill = async (rig: Rig, accountId: string, rows: number): Promise<void> => {
  const client = new pg.Client({ connectionString: rig.platform.postgres.ownerUrl });
  await client.connect();
  try {
    await client.query("set synchronous_commit = off; set work_mem = '64MB'");
    for (let from = 0; from < rows; from += INSERTED_AT_ONCE) {
      await client.query(
        `insert into calls.calls (id, account_id, name, phone, call_type, status, reason, started_at, connected_at,
           ended_at, duration_seconds, last_sequence, created_by)
         select gen_random_uuid(), $1,
           case when n % ($2::int / 5) = 7 then 'Zebulon Quill'
             else (array['Dana','Noa','Amir','Lea','Omer','Tal','Maya','Eli','Ruth','Gil'])[1 + n % 10] || ' '
               || (array['Cohen','Levi','Mizrahi','Peretz','Biton','Katz','Friedman'])[1 + (n / 10) % 7] || ' ' || n end,
           '+1555' || lpad((n % 7919)::text, 7, '0'),
           (array['inbound','outbound','audio','video'])[1 + n % 4],
           case when n % 20 = 0 then 'failed' else 'ended' end,
           case when n % 20 = 0 then 'busy' else 'hangup' end,
           at, at + interval '2 s', at + interval '90 s', 90, 4, 'bench'
         from (select n, now() - interval '365 days' * (1 - n::float8 / $2::int) as at
           from generate_series($3::int, $4::int) as n) as rows`,
        [accountId, rows, from, Math.min(rows, from + INSERTED_AT_ONCE) - 1],
      );
    }
    await client.query(
      `insert into calls.call_hours
       select account_id, date_trunc('hour', started_at, 'UTC'), call_type, status, count(*), sum(duration_seconds)
       from calls.calls where account_id = $1 group by 1, 2, 3, 4`,
      [accountId],
    );
    await client.query(
      `insert into calls.call_spans
       select account_id, calls.hour_of(started_at) / 64, count(*) from calls.calls where account_id = $1 group by 1, 2`,
      [accountId],
    );
    await client.query('vacuum analyze calls.calls, calls.call_hours, calls.call_spans');
  } finally {
    await client.end();
  }
};

const dayBefore = (days: number): string =>
  new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

const queries: readonly (readonly [string, string])[] = [
  ['the newest 50', 'limit=50'],
  ['a name that 5 calls have', 'limit=50&customerName=zebulon'],
  ['a name that every tenth call has', 'limit=50&customerName=dana'],
  ['a name that nobody has', 'limit=50&customerName=nobody%20at%20all'],
  ['a number (`ani`)', 'limit=50&ani=%2B15550000042'],
  ['a day', `limit=50&startDate=${dayBefore(180)}&endDate=${dayBefore(180)}`],
  ['failed ones of a month', `limit=50&status=failed&startDate=${dayBefore(60)}&endDate=${dayBefore(30)}`],
  [
    'a common name in a month',
    `limit=50&customerName=dana&startDate=${dayBefore(60)}&endDate=${dayBefore(30)}`,
  ],
];
const TENTH_PAGE = 'the tenth page, by cursor';

/** The call log through the gateway, of an account with a thousand calls and of one with a million. */
export const measureLogQueries = async (
  rig: Rig,
  createAccount: (name: string) => Promise<Account>,
): Promise<readonly QueryFigures[]> => {
  const figures = new Map<string, number[]>();
  const pool = new Pool(rig.gatewayUrl, { connections: 1, pipelining: 1 });
  try {
    for (const rows of SIZES) {
      const account = await createAccount(`log-${rows}`);
      await fill(rig, account.id, rows);
      const ask = async (query: string): Promise<{ data: { nextCursor: string | null } }> => {
        const answer = await pool.request({
          method: 'GET',
          path: `/api/v1/call-logs?${query}`,
          headers: { ...account.headers },
        });
        if (answer.statusCode !== 200)
          throw new Error(`${query}: ${answer.statusCode} ${await answer.body.text()}`);
        return (await answer.body.json()) as { data: { nextCursor: string | null } };
      };
      const measure = async (name: string, query: string) => {
        const took: number[] = [];
        for (let asked = 0; asked < WARM_UP + QUERIES; asked += 1) {
          const startedMs = performance.now();
          await ask(query);
          if (asked >= WARM_UP) took.push(performance.now() - startedMs);
        }
        figures.set(name, [...(figures.get(name) ?? []), percentile(took, 0.5)]);
      };
      for (const [name, query] of queries) await measure(name, query);
      let cursor: string | null = null;
      for (let page = 0; page < 9; page += 1) {
        const query: string = cursor === null ? 'limit=50' : `limit=50&cursor=${encodeURIComponent(cursor)}`;
        cursor = (await ask(query)).data.nextCursor;
      }
      await measure(TENTH_PAGE, `limit=50&cursor=${encodeURIComponent(cursor ?? '')}`);
    }
  } finally {
    await pool.close();
  }
  return [...figures].map(([name, p50Ms]) => ({ name, p50Ms }));
};
