import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';

const DAY_MS = 86_400_000;
const ENDED_SESSION_DAYS = 30;
const IDLE_SESSION_DAYS = 90;
const DONE_MAIL_DAYS = 7;
const ROWS_PER_STATEMENT = 1_000;

const countOf = (result: { readonly numAffectedRows?: bigint | undefined }): number =>
  Number(result.numAffectedRows ?? 0);

/** Nobody refreshed it for so long that its access tokens are over by months: no gateway needs to hear of it. */
const endIdleSessions = async (executor: Executor, now: Date): Promise<number> => {
  const before = new Date(now.getTime() - IDLE_SESSION_DAYS * DAY_MS);
  return countOf(
    await sql`
      UPDATE identity.sessions SET ended_at = ${now}, end_reason = 'idle' WHERE id IN (
        SELECT id FROM identity.sessions WHERE ended_at IS NULL AND coalesce(refreshed_at, created_at) < ${before}
        ORDER BY coalesce(refreshed_at, created_at) LIMIT ${ROWS_PER_STATEMENT} FOR UPDATE SKIP LOCKED)`.execute(
      executor,
    ),
  );
};

const removeEndedSessions = async (executor: Executor, now: Date): Promise<number> => {
  const before = new Date(now.getTime() - ENDED_SESSION_DAYS * DAY_MS);
  return countOf(
    await sql`
      DELETE FROM identity.sessions WHERE id IN (
        SELECT id FROM identity.sessions WHERE ended_at < ${before}
        ORDER BY ended_at LIMIT ${ROWS_PER_STATEMENT} FOR UPDATE SKIP LOCKED)`.execute(executor),
  );
};

const removeDoneMail = async (executor: Executor, now: Date): Promise<number> => {
  const before = new Date(now.getTime() - DONE_MAIL_DAYS * DAY_MS);
  return countOf(
    await sql`
      DELETE FROM identity.mail WHERE id IN (
        SELECT id FROM identity.mail
        WHERE (sent_at IS NOT NULL OR failed_at IS NOT NULL) AND created_at < ${before}
        ORDER BY created_at LIMIT ${ROWS_PER_STATEMENT} FOR UPDATE SKIP LOCKED)`.execute(executor),
  );
};

/** What is over by itself, and the column that says when. */
const expiring = [
  { table: 'one_time_tokens', until: 'expires_at' },
  { table: 'auth_codes', until: 'expires_at' },
  { table: 'oauth_flows', until: 'expires_at' },
  { table: 'page_sessions', until: 'expires_at' },
  { table: 'device_authorizations', until: 'expires_at' },
  { table: 'user_code_tries', until: 'counts_until' },
] as const;
/** For a while a late try is told that it is too late, rather than that there never was such a thing. */
const EXPIRED_KEPT_MS = DAY_MS;

const removeExpired = async (
  executor: Executor,
  { table, until }: (typeof expiring)[number],
  now: Date,
): Promise<number> => {
  const name = sql.table(`identity.${table}`);
  const column = sql.ref(until);
  const before = new Date(now.getTime() - EXPIRED_KEPT_MS);
  return countOf(
    await sql`
      DELETE FROM ${name} WHERE ctid IN (
        SELECT ctid FROM ${name} WHERE ${column} < ${before} ORDER BY ${column} LIMIT ${ROWS_PER_STATEMENT}
        FOR UPDATE SKIP LOCKED)`.execute(executor),
  );
};

/** Calls a step until it finds less than it takes at a time. Gives how many it found in all. */
const untilNoMore = async (step: () => Promise<number>, signal?: AbortSignal): Promise<number> => {
  for (let total = 0; ; ) {
    const found = await step();
    total += found;
    if (found < ROWS_PER_STATEMENT || signal?.aborted === true) return total;
  }
};

/** Ends sessions that nobody uses, and removes what is past its time, in small statements that nobody waits for. */
export const removeOldRows = async (
  { data }: Pick<Deps, 'data'>,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, number>>> => {
  const { db, clock } = data;
  const now = clock.now();
  const idleSessions = await untilNoMore(() => endIdleSessions(db, now), signal);
  const sessions = await untilNoMore(() => removeEndedSessions(db, now), signal);
  const mail = await untilNoMore(() => removeDoneMail(db, now), signal);
  let expired = 0;
  for (const which of expiring) expired += await untilNoMore(() => removeExpired(db, which, now), signal);
  return { idleSessions, sessions, mail, expired };
};
