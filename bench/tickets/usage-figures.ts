import { percentile } from '../support/figures.ts';
import type { Rig } from './rig.ts';

export const LOG_SIZES = [10_000, 10_000_000] as const;
/** The administration API takes 300 requests a minute. */
const QUERIES = 20;
const WARM_UP = 5;
const INSERTED_AT_ONCE = 500_000;

export interface UsageFigures {
  readonly name: string;
  /** p50 in ms, by the rows of the log. */
  readonly p50Ms: readonly number[];
}

/** A log of so many requests of one token in 80 days, and the figures that are kept beside it. */
const fill = async (rig: Rig, tokenId: string, rows: number): Promise<void> => {
  const zeros = `array_fill(0::bigint, ARRAY[63])`;
  // Made anew at the end: kept row by row, they take most of the time.
  await rig.fill(
    ['ALTER TABLE tickets.integration_token_usage DROP CONSTRAINT integration_token_usage_pkey'],
    ['ALTER TABLE tickets.integration_token_usage DROP CONSTRAINT integration_token_usage_token_id_fkey'],
    ['DROP INDEX tickets.integration_token_usage_newest'],
    ['DROP INDEX tickets.integration_token_usage_age'],
  );
  for (let from = 0; from < rows; from += INSERTED_AT_ONCE) {
    await rig.fill([
      `INSERT INTO tickets.integration_token_usage (id, token_id, request_id, endpoint, method, status_code, response_time_ms,
         error_code, counted, ip_address, user_agent, created_at)
       SELECT gen_random_uuid(), $1, 'req-' || n, '/functions/v1/integration-tickets/tickets', 'POST',
         CASE WHEN n % 100 = 0 THEN 429 ELSE 201 END, 10 + n % 20, NULL, true, '203.0.113.7', 'bench',
         now() - interval '80 days' * (1 - n::float8 / $2::int)
       FROM generate_series($3::int, $4::int) AS n`,
      [tokenId, rows, from, Math.min(rows, from + INSERTED_AT_ONCE) - 1],
    ]);
  }
  await rig.fill(
    ['ALTER TABLE tickets.integration_token_usage ADD PRIMARY KEY (id)'],
    [
      `ALTER TABLE tickets.integration_token_usage ADD FOREIGN KEY (token_id)
         REFERENCES tickets.integration_tokens (id) ON DELETE CASCADE`,
    ],
    [
      'CREATE INDEX integration_token_usage_newest ON tickets.integration_token_usage (token_id, created_at DESC, id DESC)',
    ],
    ['CREATE INDEX integration_token_usage_age ON tickets.integration_token_usage (created_at)'],
    [
      `INSERT INTO tickets.integration_token_hours
       SELECT token_id, date_trunc('hour', created_at, 'UTC'), count(*), count(*), count(*) FILTER (WHERE status_code >= 400),
         sum(response_time_ms), ARRAY[count(*)] || ${zeros}
       FROM tickets.integration_token_usage WHERE token_id = $1 GROUP BY 1, 2
       ON CONFLICT DO NOTHING`,
      [tokenId],
    ],
    [
      `INSERT INTO tickets.integration_token_totals
       SELECT token_id, sum(requests), sum(counted), sum(errors), sum(response_time_ms), ARRAY[sum(requests)::bigint] || ${zeros}
       FROM tickets.integration_token_hours WHERE token_id = $1 GROUP BY 1
       ON CONFLICT DO NOTHING`,
      [tokenId],
    ],
    ['VACUUM ANALYZE tickets.integration_token_usage'],
  );
};

/** What the guide's monitoring asks, of tokens with a short log and with a long one. */
export const measureUsage = async (rig: Rig): Promise<readonly UsageFigures[]> => {
  const figures = new Map<string, number[]>();
  const headers = { authorization: `Bearer ${await rig.platform.admin()}` };
  for (const rows of LOG_SIZES) {
    const { id } = await rig.createToken(`usage-${rows}`);
    await fill(rig, id, rows);
    const one = `/api/admin/v1/integration-tokens/${id}`;
    for (const [name, path] of [
      ['figures of a token', `${one}/usage/summary`],
      ['tokens with their figures', '/api/admin/v1/integration-tokens?limit=50'],
      ['the newest 50 requests', `${one}/usage?limit=50`],
      ['refused ones', `${one}/usage?limit=50&status=429`],
    ] as const) {
      const took: number[] = [];
      for (let asked = 0; asked < WARM_UP + QUERIES; asked += 1) {
        const startedMs = performance.now();
        const answer = await fetch(rig.gatewayUrl + path, { headers });
        const text = await answer.text();
        if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
        if (asked >= WARM_UP) took.push(performance.now() - startedMs);
      }
      figures.set(name, [...(figures.get(name) ?? []), percentile(took, 0.5)]);
    }
  }
  return [...figures].map(([name, p50Ms]) => ({ name, p50Ms }));
};
