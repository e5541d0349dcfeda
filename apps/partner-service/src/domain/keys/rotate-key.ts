import {
  type BodyOf,
  deriveWebhookSecret,
  generateKey,
  hashKey,
  keyPrefixes,
  partnerAdminRoutes,
  partnerEvents,
} from '@switchboard/contracts';
import { type IdempotentAnswer, transact } from '@switchboard/db';
import { type AdminContext, adminActOf, hashRequest, runSealedOnce } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { KeyMaker } from './create-key.ts';
import { keyAct } from './key-act.ts';
import { replaceSecret } from './key-repository.ts';
import { lockChangeableKey } from './require-key.ts';

const route = partnerAdminRoutes.rotateKey;
const answerSchema = route.responses[200].schema;

/**
 * Gives a key a new secret, as `rotate_partner_api_key` does for operators. A repeated idempotency key gives the first
 * one's answer: a caller who never got it must not rotate twice, or the secret that still is in use would be gone.
 *
 * @throws KEY_NOT_FOUND, KEY_REVOKED, DUPLICATE_REQUEST
 */
export const rotateKey = (
  { data, webhookSecret, answers }: KeyMaker,
  ctx: AdminContext,
  keyId: string,
  input: BodyOf<typeof route>,
  idempotencyKey: string | undefined,
): Promise<IdempotentAnswer<z.output<typeof answerSchema>>> =>
  transact(data, ({ trx, emit }) =>
    runSealedOnce(
      {
        trx,
        box: answers,
        scope: `user:${ctx.principal.user_id}:${route.id}`,
        key: idempotencyKey,
        requestHash: hashRequest({ ...input, key_id: keyId.toLowerCase() }),
        clock: data.clock,
      },
      200,
      async () => {
        const old = await lockChangeableKey(trx, keyId);
        const apiSecret = generateKey(keyPrefixes.partnerSecret);
        const overlapMs = input.overlap_seconds * 1000;
        const key = await replaceSecret(trx, {
          keyId: old.id,
          secretHash: hashKey(apiSecret),
          oldUntil: overlapMs === 0 ? null : new Date(data.clock.now().getTime() + overlapMs),
          webhookSecretVersion: old.webhookSecretVersion + (input.rotate_webhook_secret ? 1 : 0),
        });
        const previous_secret_expires_at = key.previousSecretExpiresAt?.toISOString() ?? null;
        const before = { webhook_secret_version: old.webhookSecretVersion };
        const after = { webhook_secret_version: key.webhookSecretVersion, previous_secret_expires_at };
        emit(partnerEvents.adminActed, adminActOf(ctx, keyAct('rotate', key, { before, after })));
        return {
          id: key.id,
          api_secret: apiSecret,
          webhook_secret: input.rotate_webhook_secret
            ? deriveWebhookSecret(webhookSecret, { keyId: key.id, version: key.webhookSecretVersion })
            : null,
          previous_secret_expires_at,
        };
      },
      answerSchema,
    ),
  );
