import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/** Somebody who is signed in at our own pages. */
export interface PageSession {
  readonly idHash: string;
  readonly userId: string;
  readonly email: string | null;
  /** The device whose code was typed, until it is decided about. */
  readonly deviceAuthorizationId: string | null;
}

export const insertPageSession = async (
  executor: Executor,
  session: { readonly idHash: string; readonly userId: string; readonly at: Date; readonly expiresAt: Date },
): Promise<void> => {
  await sql`
    INSERT INTO identity.page_sessions (id_hash, user_id, created_at, expires_at)
    VALUES (${session.idHash}, ${session.userId}, ${session.at}, ${session.expiresAt})
  `.execute(executor);
};

/** The session if it is good. Signing out everywhere removes it (domain/sessions). */
export const findPageSession = async (
  executor: Executor,
  idHash: string,
  at: Date,
): Promise<PageSession | null> => {
  const found = await sql<PageSession>`
    SELECT s.id_hash AS "idHash", s.user_id AS "userId", u.email,
      s.device_authorization_id AS "deviceAuthorizationId"
    FROM identity.page_sessions s JOIN identity.users u ON u.id = s.user_id
    WHERE s.id_hash = ${idHash} AND s.expires_at > ${at} AND u.disabled_at IS NULL
  `.execute(executor);
  return found.rows[0] ?? null;
};

/** False when the session was ended a moment ago. Locks it: who signs out everywhere waits for what is decided in it. */
export const selectDevice = async (
  executor: Executor,
  idHash: string,
  deviceAuthorizationId: string | null,
): Promise<boolean> => {
  const updated = await sql`
    UPDATE identity.page_sessions SET device_authorization_id = ${deviceAuthorizationId} WHERE id_hash = ${idHash}
  `.execute(executor);
  return Number(updated.numAffectedRows ?? 0) === 1;
};

export const deletePageSession = async (executor: Executor, idHash: string): Promise<void> => {
  await sql`DELETE FROM identity.page_sessions WHERE id_hash = ${idHash}`.execute(executor);
};
