import { type DataOf, identityEvents } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import { ownActOf } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Data, Executor } from '../database.ts';
import { markRevoked } from './api-key-repository.ts';

type Report = DataOf<typeof identityEvents.leakReported>;

interface LeakedKey {
  readonly id: string;
  readonly name: string;
  readonly createdBy: string | null;
  readonly isActive: boolean;
}

/** The live keys that a leaked half belongs to; an old secret counts for as long as it is good. */
const lockLeaked = async (
  executor: Executor,
  { token_kind: kind, token_hash: hash }: Report,
  now: Date,
): Promise<readonly LeakedKey[]> => {
  const isLeaked =
    kind === 'api_key'
      ? sql`api_key_hash = ${hash}`
      : sql`(api_secret_hash = ${hash} OR (previous_secret_hash = ${hash} AND previous_secret_expires_at > ${now}))`;
  const found = await sql<LeakedKey>`
    SELECT id, name, created_by AS "createdBy", is_active AS "isActive"
    FROM identity.api_keys WHERE ${isLeaked} AND revoked_at IS NULL ORDER BY id FOR UPDATE
  `.execute(executor);
  return found.rows;
};

/** Revokes the pair of which one half was found in public. Reports about credentials of other services are not ours. */
export const endLeakedKey = async (
  data: Data,
  { trx, emit }: Tools<'identity'>,
  report: Report,
): Promise<void> => {
  if (report.token_kind !== 'api_key' && report.token_kind !== 'api_secret') return;
  const at = data.clock.now();
  for (const key of await lockLeaked(trx, report, at)) {
    await markRevoked(trx, key.id, at);
    emit(
      identityEvents.adminActed,
      ownActOf({
        action: 'api_key.revoke',
        target: { type: 'api_key', id: key.id, name: key.name },
        before: { is_active: key.isActive, revoked_at: null },
        after: {
          is_active: false,
          revoked_at: at.toISOString(),
          found_at: report.url,
          found_by: report.provider,
        },
      }),
    );
    emit(identityEvents.apiKeyLeaked, {
      id: key.id,
      name: key.name,
      owner_user_id: key.createdBy,
      url: report.url,
    });
  }
};
