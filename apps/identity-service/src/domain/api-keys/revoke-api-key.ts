import { AppError, identityEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { type ApiKey, lockApiKey, markRevoked } from './api-key-repository.ts';

/**
 * Ends a key for good. One that was revoked before stays as it is.
 *
 * @throws KEY_NOT_FOUND
 */
export const revokeApiKey = (data: Data, admin: AdminContext, id: string): Promise<ApiKey> =>
  transact(data, async ({ trx, emit }) => {
    const before = await lockApiKey(trx, id);
    if (!before) throw new AppError('KEY_NOT_FOUND');
    if (before.revokedAt) return before;
    const revokedAt = data.clock.now();
    await markRevoked(trx, id, revokedAt);
    emit(
      identityEvents.adminActed,
      adminActOf(admin, {
        action: 'api_key.revoke',
        target: { type: 'api_key', id, name: before.name },
        before: { is_active: before.isActive, revoked_at: null },
        after: { is_active: false, revoked_at: revokedAt.toISOString() },
      }),
    );
    return { ...before, isActive: false, revokedAt, updatedAt: revokedAt };
  });
