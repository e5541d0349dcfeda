import { isIP } from 'node:net';
import type { RequestRecord } from '@switchboard/contracts';
import { isUuid } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

const USER_AGENT_CHARACTERS_MAX = 500;
/** How exact `last_used_at` is: a row that is written for every batch of a busy key would only make garbage. */
const LAST_USED_STEP_SECONDS = 60;

const keyIdOf = (record: RequestRecord): string | null =>
  record.credential_kind === 'partner_key' && record.credential_id !== null && isUuid(record.credential_id)
    ? record.credential_id
    : null;

/** Keeps requests as the gateway saw them, refused ones too: one statement for all. */
export const insertRequests = async (
  executor: Executor,
  records: readonly RequestRecord[],
): Promise<void> => {
  const column = <Value>(read: (record: RequestRecord) => Value): Value[] => records.map(read);
  await sql`
    INSERT INTO partner.partner_api_requests (partner_api_key_id, environment, endpoint, method, response_status,
      response_time_ms, error_code, request_id, trace_id, ip_address, user_agent, idempotency_key, repeated, created_at)
    SELECT r.key_id, k.environment, r.endpoint, r.method, r.status, r.duration_ms, r.error_code, r.request_id,
      r.trace_id, r.ip, r.user_agent, r.idempotency_key, r.repeated, r.completed_at
    FROM unnest(
      ${column(keyIdOf)}::uuid[],
      ${column((record) => record.endpoint)}::text[],
      ${column((record) => record.method)}::text[],
      ${column((record) => record.status)}::integer[],
      ${column((record) => record.duration_ms)}::double precision[],
      ${column((record) => record.error_code)}::text[],
      ${column((record) => record.request_id)}::text[],
      ${column((record) => record.trace_id)}::text[],
      ${column((record) => (isIP(record.ip) === 0 ? null : record.ip))}::inet[],
      ${column((record) => record.user_agent?.slice(0, USER_AGENT_CHARACTERS_MAX) ?? null)}::text[],
      ${column((record) => record.idempotency_key)}::text[],
      ${column((record) => record.repeated)}::integer[],
      ${column((record) => record.completed_at)}::timestamptz[]
    ) AS r (key_id, endpoint, method, status, duration_ms, error_code, request_id, trace_id, ip, user_agent,
      idempotency_key, repeated, completed_at)
    LEFT JOIN partner.partner_api_keys k ON k.id = r.key_id
  `.execute(executor);
};

/** Moves `last_used_at` of the keys that asked, in steps of a minute. */
export const touchKeys = async (executor: Executor, records: readonly RequestRecord[]): Promise<void> => {
  const lastUse = new Map<string, string>();
  for (const record of records) {
    const keyId = keyIdOf(record);
    const known = keyId === null ? undefined : lastUse.get(keyId);
    if (keyId !== null && (known === undefined || known < record.completed_at)) {
      lastUse.set(keyId, record.completed_at);
    }
  }
  if (lastUse.size === 0) return;
  await sql`
    WITH used AS (
      SELECT k.id, u.at
      FROM unnest(${[...lastUse.keys()]}::uuid[], ${[...lastUse.values()]}::timestamptz[]) AS u (id, at)
      JOIN partner.partner_api_keys k ON k.id = u.id
      WHERE k.last_used_at IS NULL OR k.last_used_at < u.at - make_interval(secs => ${LAST_USED_STEP_SECONDS})
      -- In one order everywhere, so that two batches with the same keys never deadlock.
      ORDER BY k.id FOR NO KEY UPDATE OF k
    )
    UPDATE partner.partner_api_keys k SET last_used_at = used.at FROM used WHERE k.id = used.id
  `.execute(executor);
};
