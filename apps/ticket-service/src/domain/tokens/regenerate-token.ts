import { integrationTokenSecretAnswer, ticketAdminRoutes } from '@switchboard/contracts';
import { type IdempotentAnswer, transact } from '@switchboard/db';
import { type AdminContext, hashRequest, runSealedOnce } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { changeToken, requireNotRevoked } from './change-token.ts';
import { makeSecret, type TokenSecretAnswer } from './create-token.ts';
import { tokenAnswer } from './token-answer.ts';

/**
 * Gives a token a new secret; the old one ends now, or after the overlap. With an idempotency key it happens once: a
 * repeat would otherwise end the old secret, which whoever lost the first answer still uses.
 *
 * @throws TOKEN_NOT_FOUND, KEY_REVOKED, DUPLICATE_REQUEST
 */
export const regenerateToken = (
  { data, answerBox }: Pick<Deps, 'data' | 'answerBox'>,
  admin: AdminContext,
  input: { readonly tokenId: string; readonly overlapSeconds: number },
  idempotencyKey: string | undefined,
): Promise<IdempotentAnswer<TokenSecretAnswer>> => {
  const { tokenId, overlapSeconds } = input;
  return transact(data, (tools) =>
    runSealedOnce(
      {
        trx: tools.trx,
        clock: data.clock,
        scope: `${admin.principal.user_id}:${ticketAdminRoutes.regenerateToken.id}:${tokenId.toLowerCase()}`,
        key: idempotencyKey,
        requestHash: hashRequest({ overlapSeconds }),
        box: answerBox,
      },
      200,
      async () => {
        const { token, columns } = makeSecret();
        await changeToken(data, tools, admin, {
          tokenId,
          action: 'integration_token.regenerate',
          decide(before, now) {
            requireNotRevoked(before);
            const keepsOld = overlapSeconds > 0;
            return {
              ...columns,
              previous_token_hash: keepsOld ? sql<string>`token_hash` : null,
              previous_token_expires_at: keepsOld ? new Date(now.getTime() + overlapSeconds * 1000) : null,
              previous_token_last_used_at: null,
            };
          },
        });
        return { ...(await tokenAnswer(data, tools.trx, tokenId)), token };
      },
      integrationTokenSecretAnswer,
    ),
  );
};
