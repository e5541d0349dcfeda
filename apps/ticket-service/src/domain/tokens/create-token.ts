import {
  type createIntegrationTokenBody,
  displayPrefix,
  generateKey,
  hashKey,
  integrationTokenSecretAnswer,
  keyPrefixes,
  ticketAdminRoutes,
  ticketEvents,
} from '@switchboard/contracts';
import { type IdempotentAnswer, type Tools, toJson, transact } from '@switchboard/db';
import {
  type AdminContext,
  adminActOf,
  hashRequest,
  readExpiry,
  runSealedOnce,
} from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import type { Data } from '../database.ts';
import { targetOf } from './change-token.ts';
import { type TokenAnswer, tokenAnswer } from './token-answer.ts';
import { insertToken, type NewToken } from './token-repository.ts';

type Input = z.output<typeof createIntegrationTokenBody>;
export type TokenSecretAnswer = z.output<typeof integrationTokenSecretAnswer>;

/** A new secret, and what the table keeps of it. */
export const makeSecret = () => {
  const token = generateKey(keyPrefixes.integrationToken);
  return { token, columns: { token_hash: hashKey(token), token_prefix: displayPrefix(token) } };
};

/** What the record of the act says that there is now. */
const recordOf = ({ id: _id, stats: _stats, created_at: _at, updated_at: _too, ...token }: TokenAnswer) =>
  token;

const create = async (
  data: Data,
  { trx, emit }: Tools<'tickets'>,
  admin: AdminContext,
  input: Input,
): Promise<TokenSecretAnswer> => {
  const now = data.clock.now();
  const { token, columns } = makeSecret();
  const row: NewToken = {
    id: data.ids.next(),
    name: input.name,
    description: input.description ?? null,
    ...columns,
    owner_user_id: input.owner_user_id ?? admin.principal.user_id,
    ...(input.rate_limit_per_hour ? { rate_limit_per_hour: input.rate_limit_per_hour } : {}),
    ...(input.allowed_endpoints ? { allowed_endpoints: input.allowed_endpoints } : {}),
    ...(input.allowed_ips ? { allowed_ips: input.allowed_ips } : {}),
    ...(input.metadata ? { metadata: toJson(input.metadata) } : {}),
    expires_at: readExpiry(input.expires_at, now),
    created_by: admin.principal.user_id,
    created_at: now,
    updated_at: now,
  };
  await insertToken(trx, row);
  const answer = await tokenAnswer(data, trx, row.id);
  emit(
    ticketEvents.adminActed,
    adminActOf(admin, {
      action: 'integration_token.create',
      target: targetOf(answer),
      before: null,
      after: recordOf(answer),
    }),
  );
  return { ...answer, token };
};

/**
 * Makes a token. Its secret is in this answer alone, and in the answer to whoever repeats the request with the same
 * idempotency key.
 *
 * @throws INVALID_INPUT, DUPLICATE_REQUEST
 */
export const createToken = (
  { data, answerBox }: Pick<Deps, 'data' | 'answerBox'>,
  admin: AdminContext,
  input: Input,
  idempotencyKey: string | undefined,
): Promise<IdempotentAnswer<TokenSecretAnswer>> =>
  transact(data, (tools) =>
    runSealedOnce(
      {
        trx: tools.trx,
        clock: data.clock,
        scope: `${admin.principal.user_id}:${ticketAdminRoutes.createToken.id}`,
        key: idempotencyKey,
        requestHash: hashRequest(input),
        box: answerBox,
      },
      201,
      () => create(data, tools, admin, input),
      integrationTokenSecretAnswer,
    ),
  );
