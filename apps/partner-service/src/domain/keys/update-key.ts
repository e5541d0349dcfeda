import { isDeepStrictEqual } from 'node:util';
import { type BodyOf, type partnerAdminRoutes, partnerEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf, readExpiry } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { keyAct } from './key-act.ts';
import { toKeyAnswer } from './key-answer.ts';
import { type KeyRecord, writeKey } from './key-repository.ts';
import { lockChangeableKey } from './require-key.ts';

const CHANGEABLE = [
  'rate_limit_per_minute',
  'allowed_ips',
  'expires_at',
  'is_active',
  'permissions',
] as const;

/**
 * Changes what a key may do. The gateways forget it by the event of a trigger. What is so already is no change, and
 * leaves no audit record.
 *
 * @throws INVALID_INPUT (see readExpiry), KEY_NOT_FOUND, KEY_REVOKED
 */
export const updateKey = (
  data: Data,
  ctx: AdminContext,
  keyId: string,
  input: BodyOf<typeof partnerAdminRoutes.updateKey>,
): Promise<KeyRecord> =>
  transact(data, async ({ trx, emit }) => {
    const now = data.clock.now();
    const old = await lockChangeableKey(trx, keyId);
    const changed = await writeKey(trx, {
      id: old.id,
      rateLimitPerMinute: input.rate_limit_per_minute ?? old.rateLimitPerMinute,
      allowedIps: input.allowed_ips ?? old.allowedIps,
      expiresAt: input.expires_at === undefined ? old.expiresAt : readExpiry(input.expires_at, now),
      isActive: input.is_active ?? old.isActive,
      permissions: input.permissions ?? old.permissions,
    });
    const asked = CHANGEABLE.filter((field) => input[field] !== undefined);
    const fieldsOf = (key: KeyRecord) => {
      const answer = toKeyAnswer(key, now);
      return Object.fromEntries(asked.map((field) => [field, answer[field]]));
    };
    const before = fieldsOf(old);
    const after = fieldsOf(changed);
    if (isDeepStrictEqual(before, after)) return changed;
    const act = keyAct('update', changed, { before, after });
    emit(partnerEvents.adminActed, adminActOf(ctx, act));
    return changed;
  });
