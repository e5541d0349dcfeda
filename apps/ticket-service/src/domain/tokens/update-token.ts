import { isDeepStrictEqual } from 'node:util';
import type { updateIntegrationTokenBody } from '@switchboard/contracts';
import { toJson, transact } from '@switchboard/db';
import { type AdminContext, readExpiry } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { changeToken } from './change-token.ts';
import { type TokenAnswer, tokenAnswer } from './token-answer.ts';
import type { Token, TokenChanges } from './token-repository.ts';

type Input = z.output<typeof updateIntegrationTokenBody>;

const endOf = (before: Token, expiresAt: Date | null): TokenChanges =>
  // Another end has reminders of its own.
  isDeepStrictEqual(before.expires_at, expiresAt) ? {} : { expires_at: expiresAt, reminded_days_left: null };

const changesOf = ({ metadata, expires_at, ...same }: Input, before: Token, now: Date): TokenChanges => ({
  ...same,
  ...(metadata === undefined ? {} : { metadata: toJson(metadata) }),
  ...(expires_at === undefined ? {} : endOf(before, readExpiry(expires_at, now))),
});

/**
 * Changes what is given of a token. The limit and everything else takes effect at once: the change is announced.
 *
 * @throws TOKEN_NOT_FOUND, INVALID_INPUT
 */
export const updateToken = (
  data: Data,
  admin: AdminContext,
  tokenId: string,
  input: Input,
): Promise<TokenAnswer> =>
  transact(data, async (tools) => {
    await changeToken(data, tools, admin, {
      tokenId,
      action: 'integration_token.update',
      decide: (before, now) => changesOf(input, before, now),
    });
    return tokenAnswer(data, tools.trx, tokenId);
  });
