import {
  generateKey,
  hashKey,
  identityEvents,
  keyPrefixes,
  type rotateApiKeyAnswer,
} from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { replaceSecret } from './api-key-repository.ts';
import { requireLiveApiKey } from './update-api-key.ts';

/**
 * Gives a key a new secret. The old one stays good for `overlapSeconds`; one that is still good from a rotation before
 * ends now.
 *
 * @throws KEY_NOT_FOUND, KEY_REVOKED
 */
export const rotateApiKey = async (
  data: Data,
  { trx, emit }: Tools<'identity'>,
  admin: AdminContext,
  input: { readonly id: string; readonly overlapSeconds: number },
): Promise<z.input<typeof rotateApiKeyAnswer>> => {
  const { id, overlapSeconds } = input;
  const at = data.clock.now();
  const before = await requireLiveApiKey(trx, id);
  const apiSecret = generateKey(keyPrefixes.apiSecret);
  const validUntil = new Date(at.getTime() + overlapSeconds * 1000);
  const oldSecretValidUntil = overlapSeconds > 0 ? validUntil : null;
  await replaceSecret(trx, { id, secretHash: hashKey(apiSecret), oldSecretValidUntil }, at);
  emit(
    identityEvents.adminActed,
    adminActOf(admin, {
      action: 'api_key.rotate',
      target: { type: 'api_key', id, name: before.name },
      before: { previous_secret_expires_at: before.oldSecretValidUntil?.toISOString() ?? null },
      after: { previous_secret_expires_at: validUntil.toISOString() },
    }),
  );
  return { id, api_secret: apiSecret, previous_secret_expires_at: validUntil.toISOString() };
};
