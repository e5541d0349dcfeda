import { toJson } from '@switchboard/db';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { AuthenticationMethod } from '../tokens/access-token.ts';

/** TERMINOLOGY — *session*: one sign-in on one device, and the family of refresh tokens that came from it. */
export interface SessionRecord {
  readonly id: string;
  readonly userId: string;
  /** Of the refresh token that is good now. */
  readonly refreshCounter: number;
  readonly refreshedAt: Date | null;
  readonly aal: string;
  readonly amr: readonly AuthenticationMethod[];
  readonly clientName: string | null;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  readonly endReason: string | null;
}

const COLUMNS = sql`
  id, user_id AS "userId", refresh_counter AS "refreshCounter", refreshed_at AS "refreshedAt", aal, amr,
  client_name AS "clientName", user_agent AS "userAgent", ip, created_at AS "createdAt", ended_at AS "endedAt",
  end_reason AS "endReason"`;

export const insertSession = async (
  trx: Executor,
  session: Pick<SessionRecord, 'id' | 'userId' | 'amr' | 'clientName' | 'userAgent' | 'ip' | 'createdAt'>,
): Promise<SessionRecord> => {
  const made = await sql<SessionRecord>`
    INSERT INTO identity.sessions (id, user_id, amr, client_name, user_agent, ip, created_at)
    VALUES (${session.id}, ${session.userId}, ${toJson(session.amr)}, ${session.clientName}, ${session.userAgent},
      ${session.ip}, ${session.createdAt})
    RETURNING ${COLUMNS}`.execute(trx);
  const [row] = made.rows;
  if (!row) throw new TypeError('the session was not written');
  return row;
};

export const findSession = async (executor: Executor, id: string): Promise<SessionRecord | null> => {
  const found = await sql<SessionRecord>`
    SELECT ${COLUMNS} FROM identity.sessions WHERE id = ${id}`.execute(executor);
  return found.rows[0] ?? null;
};

/** Nobody else refreshes or ends it before the transaction is over. */
export const lockSession = async (trx: Executor, id: string): Promise<SessionRecord | null> => {
  const found = await sql<SessionRecord>`
    SELECT ${COLUMNS} FROM identity.sessions WHERE id = ${id} FOR UPDATE`.execute(trx);
  return found.rows[0] ?? null;
};

/** Open sessions of a user, newest first. */
export const listOpenSessions = async (
  executor: Executor,
  userId: string,
): Promise<readonly SessionRecord[]> => {
  const found = await sql<SessionRecord>`
    SELECT ${COLUMNS} FROM identity.sessions WHERE user_id = ${userId} AND ended_at IS NULL
    ORDER BY created_at DESC, id DESC`.execute(executor);
  return found.rows;
};

export const advanceSession = async (
  trx: Executor,
  id: string,
  { counter, at }: { readonly counter: number; readonly at: Date },
): Promise<void> => {
  await sql`
    UPDATE identity.sessions SET refresh_counter = ${counter}, refreshed_at = ${at} WHERE id = ${id}`.execute(
    trx,
  );
};

/** Ends open sessions of a user; gives the ids of those that were open. */
export const closeSessions = async (
  trx: Executor,
  which: {
    readonly userId: string;
    readonly only: string | null;
    readonly except: string | null;
    readonly reason: string;
    readonly at: Date;
  },
): Promise<readonly string[]> => {
  const closed = await sql<{ id: string }>`
    UPDATE identity.sessions SET ended_at = ${which.at}, end_reason = ${which.reason}
    WHERE id IN (
      SELECT id FROM identity.sessions
      WHERE user_id = ${which.userId} AND ended_at IS NULL
        AND (${which.only}::uuid IS NULL OR id = ${which.only}::uuid)
        AND (${which.except}::uuid IS NULL OR id <> ${which.except}::uuid)
      ORDER BY id FOR UPDATE)
    RETURNING id`.execute(trx);
  return closed.rows.map((row) => row.id);
};

/** What would still become a session: codes that wait to be exchanged, devices that were approved, our own pages. */
export const dropPendingSignIns = async (trx: Executor, userId: string): Promise<void> => {
  await sql`DELETE FROM identity.auth_codes WHERE user_id = ${userId}`.execute(trx);
  await sql`DELETE FROM identity.page_sessions WHERE user_id = ${userId}`.execute(trx);
  await sql`
    UPDATE identity.device_authorizations SET status = 'denied'
    WHERE user_id = ${userId} AND status = 'approved'`.execute(trx);
};
