import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/** TERMINOLOGY — *authorization*: one sign-in of a device, from its codes to its tokens (RFC 8628). */
export interface DeviceAuthorization {
  readonly id: string;
  readonly clientId: string | null;
  readonly clientName: string | null;
  readonly scope: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly status: 'pending' | 'approved' | 'denied' | 'used';
  readonly userId: string | null;
  readonly intervalSeconds: number;
  readonly lastPolledAt: Date | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly decidedAt: Date | null;
}

const COLUMNS = sql`
  id, client_id AS "clientId", client_name AS "clientName", scope, ip, user_agent AS "userAgent", status,
  user_id AS "userId", interval_seconds AS "intervalSeconds", last_polled_at AS "lastPolledAt",
  created_at AS "createdAt", expires_at AS "expiresAt", decided_at AS "decidedAt"`;

/** False when another device that waits has the same user code: then one with another code is to be made. */
export const insertDeviceAuthorization = async (
  executor: Executor,
  input: {
    readonly id: string;
    readonly deviceCodeHash: string;
    readonly userCodeHash: string;
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly scope: string | null;
    readonly ip: string | null;
    readonly userAgent: string | null;
    readonly intervalSeconds: number;
    readonly at: Date;
    readonly expiresAt: Date;
  },
): Promise<boolean> => {
  const inserted = await sql`
    INSERT INTO identity.device_authorizations (id, device_code_hash, user_code_hash, client_id, client_name, scope, ip,
      user_agent, interval_seconds, created_at, expires_at)
    VALUES (${input.id}, ${input.deviceCodeHash}, ${input.userCodeHash}, ${input.clientId}, ${input.clientName},
      ${input.scope}, ${input.ip}, ${input.userAgent}, ${input.intervalSeconds}, ${input.at}, ${input.expiresAt})
    ON CONFLICT (user_code_hash) WHERE status = 'pending' DO NOTHING
  `.execute(executor);
  return Number(inserted.numAffectedRows ?? 0) === 1;
};

/** By the device's own code, locked: of two polls at once one waits for the other. */
export const lockByDeviceCode = async (
  executor: Executor,
  deviceCodeHash: string,
): Promise<DeviceAuthorization | null> => {
  const found = await sql<DeviceAuthorization>`
    SELECT ${COLUMNS} FROM identity.device_authorizations WHERE device_code_hash = ${deviceCodeHash} FOR UPDATE
  `.execute(executor);
  return found.rows[0] ?? null;
};

/** The one that waits for a decision under a user code. */
export const findByUserCode = async (
  executor: Executor,
  userCodeHashes: readonly string[],
  at: Date,
): Promise<DeviceAuthorization | null> => {
  const found = await sql<DeviceAuthorization>`
    SELECT ${COLUMNS} FROM identity.device_authorizations
    WHERE user_code_hash IN (${sql.join(userCodeHashes)}) AND status = 'pending' AND expires_at > ${at}
  `.execute(executor);
  return found.rows[0] ?? null;
};

export const findPending = async (
  executor: Executor,
  id: string,
  at: Date,
): Promise<DeviceAuthorization | null> => {
  const found = await sql<DeviceAuthorization>`
    SELECT ${COLUMNS} FROM identity.device_authorizations
    WHERE id = ${id} AND status = 'pending' AND expires_at > ${at}
  `.execute(executor);
  return found.rows[0] ?? null;
};

/** False when it waits for no decision any more. */
export const decide = async (
  executor: Executor,
  input: {
    readonly id: string;
    readonly status: 'approved' | 'denied';
    readonly userId: string;
    readonly at: Date;
  },
): Promise<boolean> => {
  const decided = await sql`
    UPDATE identity.device_authorizations
    SET status = ${input.status}, user_id = ${input.userId}, decided_at = ${input.at}
    WHERE id = ${input.id} AND status = 'pending' AND expires_at > ${input.at}
  `.execute(executor);
  return Number(decided.numAffectedRows ?? 0) === 1;
};

export const notePoll = async (
  executor: Executor,
  input: { readonly id: string; readonly intervalSeconds: number; readonly at: Date },
): Promise<void> => {
  await sql`
    UPDATE identity.device_authorizations
    SET last_polled_at = ${input.at}, interval_seconds = ${input.intervalSeconds} WHERE id = ${input.id}
  `.execute(executor);
};

export const markUsed = async (executor: Executor, id: string): Promise<void> => {
  await sql`UPDATE identity.device_authorizations SET status = 'used' WHERE id = ${id}`.execute(executor);
};
