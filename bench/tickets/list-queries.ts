import { Pool } from 'undici';
import { percentile } from '../support/figures.ts';
import { bearer, type Rig, SURFACE } from './rig.ts';

export const SIZES = [1_000, 1_000_000] as const;
const QUERIES = 100;
const WARM_UP = 20;
const INSERTED_AT_ONCE = 100_000;

export interface QueryFigures {
  readonly name: string;
  /** p50 in ms, by how many tickets the token has. */
  readonly p50Ms: readonly number[];
}

/**
 * Tickets as tokens have them: a year, newest last, mostly closed, one in a thousand urgent, words of which some are in every
 * ticket, some in a tenth, one in five tickets whatever their number.
 */
const fill = async (rig: Rig, tokenId: string, rows: number): Promise<void> => {
  // The words of a million tickets go into the index at once: one by one they take ten times as long.
  await rig.fill(
    ['ALTER TABLE tickets.tickets DISABLE TRIGGER keep_search_of_new'],
    ['DROP INDEX tickets.ticket_search_words'],
  );
  for (let from = 0; from < rows; from += INSERTED_AT_ONCE) {
    await rig.fill([
      `INSERT INTO tickets.tickets (id, token_id, integration_source, title, description, status, priority, category, metadata,
         created_at, updated_at, resolved_at, closed_at)
       SELECT gen_random_uuid(), $1, 'bench',
         'The ' || (array['printer','router','invoice','laptop','door','phone','badge','screen','keyboard','chair'])[1 + n % 10]
           || ' of ' || (array['Dana','Noa','Amir','Lea','Omer','Tal','Maya'])[1 + n % 7] || ' fails'
           || CASE WHEN n % ($2::int / 5) = 7 THEN ' zebulon' ELSE '' END,
         'It was seen on floor ' || n % 40 || ' by somebody of team ' || n % 997 || ' and needs a look.',
         CASE WHEN n % 50 = 0 THEN 'open' ELSE 'closed' END,
         CASE WHEN n % 1000 = 0 THEN 'urgent' ELSE (array['low','medium','high'])[1 + n % 3] END,
         (array['hardware','billing','access'])[1 + n % 3], '{}', at, at, NULL,
         CASE WHEN n % 50 = 0 THEN NULL ELSE at END
       FROM (SELECT n, now() - interval '365 days' * (1 - n::float8 / $2::int) AS at
         FROM generate_series($3::int, $4::int) AS n) AS made`,
      [tokenId, rows, from, Math.min(rows, from + INSERTED_AT_ONCE) - 1],
    ]);
  }
  await rig.fill(
    [
      'INSERT INTO tickets.ticket_search SELECT t.number, t.id, tickets.search_of(t) FROM tickets.tickets t WHERE token_id = $1',
      [tokenId],
    ],
    ['CREATE INDEX ticket_search_words ON tickets.ticket_search USING gin (search) WITH (fastupdate = off)'],
    ['ALTER TABLE tickets.tickets ENABLE TRIGGER keep_search_of_new'],
    ['VACUUM ANALYZE tickets.tickets'],
    ['VACUUM ANALYZE tickets.ticket_search'],
  );
};

const queries: readonly (readonly [string, string])[] = [
  ['the newest 50', 'limit=50'],
  ['open ones', 'limit=50&status=open'],
  ['urgent and open ones', 'limit=50&status=open&priority=urgent'],
  ['a word that every ticket has', 'limit=50&q=fails'],
  ['a word that a tenth has', 'limit=50&q=printer'],
  ['two words', 'limit=50&q=printer+dana'],
  ['a word that 5 tickets have', 'limit=50&q=zebulon'],
  ['a word that nobody has', 'limit=50&q=nobodyhasthis'],
  ['a word misspelt', 'limit=50&q=pritner'],
  ['a word begun', 'limit=50&q=keyb'],
];

/** Lists and searches through the gateway, of a token with a thousand tickets and of one with a million, and of staff. */
export const measureQueries = async (rig: Rig): Promise<readonly QueryFigures[]> => {
  const figures = new Map<string, number[]>();
  const pool = new Pool(rig.gatewayUrl, { connections: 1, pipelining: 1 });
  const staff = { authorization: `Bearer ${await rig.platform.admin()}` };
  const measure = async (name: string, path: string, headers: Record<string, string>, times = QUERIES) => {
    const took: number[] = [];
    for (let asked = 0; asked < WARM_UP + times; asked += 1) {
      const startedMs = performance.now();
      const answer = await pool.request({ method: 'GET', path, headers });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${text}`);
      if (asked >= WARM_UP) took.push(performance.now() - startedMs);
    }
    figures.set(name, [...(figures.get(name) ?? []), percentile(took, 0.5)]);
  };
  try {
    for (const rows of SIZES) {
      const token = await rig.createToken(`list-${rows}`);
      await fill(rig, token.id, rows);
      for (const [name, query] of queries) {
        await measure(name, `${SURFACE}/tickets?${query}`, bearer(token));
      }
      // Fewer: administrators have 300 a minute.
      await measure('staff: the newest 50', '/api/admin/v1/tickets?limit=50', staff, 30);
      await measure('staff: a word that a tenth has', '/api/admin/v1/tickets?limit=50&q=printer', staff, 30);
    }
  } finally {
    await pool.close();
  }
  return [...figures].map(([name, p50Ms]) => ({ name, p50Ms }));
};
