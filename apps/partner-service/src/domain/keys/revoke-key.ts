import { AppError, partnerEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { keyAct } from './key-act.ts';
import { type KeyRecord, lockKey, markRevoked } from './key-repository.ts';

/** Ends a key for ever; one that was revoked before stays as it is, and nothing is said of it. @throws KEY_NOT_FOUND */
export const revokeKey = (data: Data, ctx: AdminContext, keyId: string): Promise<KeyRecord> =>
  transact(data, async ({ trx, emit }) => {
    const key = await lockKey(trx, keyId);
    if (!key) throw new AppError('KEY_NOT_FOUND');
    if (key.revokedAt !== null) return key;
    const act = keyAct('revoke', key, { before: { is_active: key.isActive }, after: { is_active: false } });
    emit(partnerEvents.adminActed, adminActOf(ctx, act));
    return markRevoked(trx, key.id, data.clock.now());
  });
