import {
  AppError,
  type BodyOf,
  deriveWebhookSecret,
  displayPrefix,
  generateKey,
  hashKey,
  keyPrefixes,
  partnerAdminRoutes,
  partnerEvents,
} from '@switchboard/contracts';
import { type IdempotentAnswer, transact } from '@switchboard/db';
import {
  type AdminContext,
  adminActOf,
  hashRequest,
  runSealedOnce,
  type SecretBox,
} from '@switchboard/service-kit';
import type { z } from 'zod';
import { companyExists } from '../companies/company-repository.ts';
import type { Data } from '../database.ts';
import { keyAct } from './key-act.ts';
import { toKeyAnswer } from './key-answer.ts';
import { insertKey } from './key-repository.ts';

const DAY_MS = 86_400_000;
const route = partnerAdminRoutes.createKey;
const answerSchema = route.responses[201].schema;

const PREFIXES = { sandbox: keyPrefixes.partnerSandbox, production: keyPrefixes.partnerProduction };

export interface KeyMaker {
  readonly data: Data;
  /** WEBHOOK_SECRET */
  readonly webhookSecret: string;
  /** Seals answers that show a secret. */
  readonly answers: SecretBox;
}

/**
 * Makes a partner key, as `generate_partner_api_key` does for operators: a service may not call that one. A repeated
 * idempotency key gives the first one's answer, secrets and all.
 *
 * @throws COMPANY_NOT_FOUND, DUPLICATE_REQUEST
 */
export const createKey = (
  { data, webhookSecret, answers }: KeyMaker,
  ctx: AdminContext,
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
        requestHash: hashRequest(input),
        clock: data.clock,
      },
      201,
      async () => {
        const { environment } = input;
        const companyId = input.company_id ?? null;
        if (companyId !== null && !(await companyExists(trx, { id: companyId, environment }))) {
          throw new AppError('COMPANY_NOT_FOUND', {
            message: `There is no such company in the ${environment} environment`,
          });
        }
        const at = data.clock.now();
        const apiKey = generateKey(PREFIXES[environment]);
        const apiSecret = generateKey(keyPrefixes.partnerSecret);
        const key = await insertKey(trx, {
          id: data.ids.next(),
          partnerName: input.partner_name,
          environment,
          companyId,
          keyHash: hashKey(apiKey),
          secretHash: hashKey(apiSecret),
          keyPrefix: displayPrefix(apiKey),
          permissions: input.permissions,
          allowedIps: input.allowed_ips,
          rateLimitPerMinute: input.rate_limit_per_minute,
          expiresAt:
            input.expires_in_days === null ? null : new Date(at.getTime() + input.expires_in_days * DAY_MS),
          createdBy: ctx.principal.user_id,
          at,
        });
        const answer = toKeyAnswer(key, at);
        const { permissions, allowed_ips, rate_limit_per_minute, expires_at } = answer;
        const after = {
          environment,
          company_id: companyId,
          permissions,
          allowed_ips,
          rate_limit_per_minute,
          expires_at,
        };
        emit(partnerEvents.adminActed, adminActOf(ctx, keyAct('create', key, { before: null, after })));
        return {
          ...answer,
          api_key: apiKey,
          api_secret: apiSecret,
          webhook_secret: deriveWebhookSecret(webhookSecret, {
            keyId: key.id,
            version: key.webhookSecretVersion,
          }),
        };
      },
      answerSchema,
    ),
  );
