import { isDeepStrictEqual } from 'node:util';
import { AppError, identityEvents, type updateApiKeyBody } from '@switchboard/contracts';
import { dueReminder, transact } from '@switchboard/db';
import { type AdminContext, adminActOf, readExpiry } from '@switchboard/service-kit';
import type { z } from 'zod';
import { changesBetween } from '../audit/changes.ts';
import type { Data, Executor } from '../database.ts';
import { auditedApiKey } from './api-key-answer.ts';
import { type ApiKey, lockApiKey, writeApiKey, writeReminder } from './api-key-repository.ts';

/** The key to change, locked. Throws KEY_NOT_FOUND, and KEY_REVOKED because that is final. */
export const requireLiveApiKey = async (executor: Executor, id: string): Promise<ApiKey> => {
  const key = await lockApiKey(executor, id);
  if (!key) throw new AppError('KEY_NOT_FOUND');
  if (key.revokedAt) throw new AppError('KEY_REVOKED');
  return key;
};

/**
 * Changes what a caller names of a key. What is so already is no change, and leaves no audit record.
 *
 * @throws KEY_NOT_FOUND, KEY_REVOKED, INVALID_INPUT (see readExpiry)
 */
export const updateApiKey = (
  data: Data,
  admin: AdminContext,
  id: string,
  input: z.output<typeof updateApiKeyBody>,
): Promise<ApiKey> =>
  transact(data, async ({ trx, emit }) => {
    const at = data.clock.now();
    const before = await requireLiveApiKey(trx, id);
    await writeApiKey(
      trx,
      {
        id,
        name: input.name ?? before.name,
        allowedIps: input.allowed_ips ?? before.allowedIps,
        rateLimitPerMinute: input.rate_limit_per_minute ?? before.rateLimitPerMinute,
        isActive: input.is_active ?? before.isActive,
        expiresAt: input.expires_at === undefined ? before.expiresAt : readExpiry(input.expires_at, at),
      },
      at,
    );
    const after = await lockApiKey(trx, id);
    if (!after) throw new AppError('KEY_NOT_FOUND');
    if (!isDeepStrictEqual(before.expiresAt, after.expiresAt)) {
      await writeReminder(trx, id, after.expiresAt && dueReminder(after.expiresAt, at));
    }
    const changes = changesBetween(auditedApiKey(before), auditedApiKey(after));
    if (!changes) return after;
    const target = { type: 'api_key', id, name: after.name };
    emit(identityEvents.adminActed, adminActOf(admin, { action: 'api_key.update', target, ...changes }));
    return after;
  });
