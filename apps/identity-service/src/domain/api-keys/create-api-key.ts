import {
  type createApiKeyAnswer,
  type createApiKeyBody,
  displayPrefix,
  generateKey,
  hashKey,
  identityEvents,
  keyPrefixes,
} from '@switchboard/contracts';
import { dueReminder, type Tools } from '@switchboard/db';
import { type AdminContext, adminActOf, readExpiry } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { apiKeyAnswer, auditedApiKey } from './api-key-answer.ts';
import { findApiKey, insertApiKey, provideAccount } from './api-key-repository.ts';

/**
 * Creates a key pair. Only the hashes are stored.
 *
 * @throws INVALID_INPUT (see readExpiry)
 */
export const createApiKey = async (
  data: Data,
  { trx, emit }: Tools<'identity'>,
  admin: AdminContext,
  input: z.output<typeof createApiKeyBody>,
): Promise<z.input<typeof createApiKeyAnswer>> => {
  const at = data.clock.now();
  const expiresAt = readExpiry(input.expires_at, at);
  const id = data.ids.next();
  const apiKey = generateKey(keyPrefixes.apiKey);
  const apiSecret = generateKey(keyPrefixes.apiSecret);
  const account = { id: data.ids.next(), name: input.account ?? id, at };
  await insertApiKey(trx, {
    id,
    name: input.name,
    accountId: await provideAccount(trx, account),
    keyHash: hashKey(apiKey),
    secretHash: hashKey(apiSecret),
    keyPrefix: displayPrefix(apiKey),
    source: 'admin',
    allowedIps: input.allowed_ips,
    rateLimitPerMinute: input.rate_limit_per_minute,
    expiresAt,
    // Whoever makes a key that ends in five days knows it: the reminder of seven days would come at once.
    remindedDaysLeft: expiresAt && dueReminder(expiresAt, at),
    createdBy: admin.principal.user_id,
    at,
  });
  const made = await findApiKey(trx, id);
  if (!made) throw new Error('a key vanished while it was made');
  emit(
    identityEvents.adminActed,
    adminActOf(admin, {
      action: 'api_key.create',
      target: { type: 'api_key', id, name: made.name },
      before: null,
      after: auditedApiKey(made),
    }),
  );
  return { ...apiKeyAnswer(made), api_key: apiKey, api_secret: apiSecret };
};
