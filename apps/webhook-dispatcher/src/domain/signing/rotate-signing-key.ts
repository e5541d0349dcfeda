import { type BodyOf, webhookAdminRoutes, webhookEvents } from '@switchboard/contracts';
import type { IdempotentAnswer } from '@switchboard/db';
import { adminActOf } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { type RepeatableContext, runAdminOnce } from '../administration/run-admin-once.ts';
import { toSigningKeyAnswer } from './public-keys.ts';
import { replaceSigningKey } from './signing-keys.ts';

const route = webhookAdminRoutes.rotateSigningKey;
const answerSchema = route.responses[200].schema;

/**
 * Signs with a new ed25519 key, in this process from the next attempt on and in the others soon after; the old one signs on
 * until the overlap ends. Once for each idempotency key: whoever repeats it must not end the key that was just made.
 *
 * @throws DUPLICATE_REQUEST
 */
export const rotateSigningKey = async (
  { data, box, signingKeys }: Pick<Deps, 'data' | 'box' | 'signingKeys'>,
  ctx: RepeatableContext,
  input: BodyOf<typeof route>,
): Promise<IdempotentAnswer<z.output<typeof answerSchema>>> => {
  const answer = await runAdminOnce(
    data,
    ctx,
    { route, request: input, status: 200, answer: answerSchema },
    async ({ trx, emit }) => {
      const { overlap_seconds: overlapSeconds } = input;
      const [current, previous] = await replaceSigningKey(trx, data, box, { overlapSeconds });
      if (!current) throw new Error('a signing key that was just made is gone');
      const after = { old_key_expires_at: previous?.expiresAt?.toISOString() ?? null };
      emit(
        webhookEvents.adminActed,
        adminActOf(ctx, {
          action: 'webhook_signing_key.rotate',
          target: { type: 'webhook_signing_key', id: current.id, name: null },
          before: null,
          after,
        }),
      );
      return toSigningKeyAnswer(current);
    },
  );
  signingKeys.forget();
  return answer;
};
