import type { integrationTokenAnswer } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Data, Executor } from '../database.ts';
import { readStats } from '../usage/stats.ts';
import { findToken, type Token } from './token-repository.ts';

export type TokenAnswer = z.output<typeof integrationTokenAnswer>;

const isObject = (
  value: Token['metadata'],
): value is Exclude<Token['metadata'], null | string | number | boolean | unknown[]> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

/** Tokens as the administration API shows them, each with its figures. */
export const tokenAnswers = async (
  { clock }: Pick<Data, 'clock'>,
  executor: Executor,
  tokens: readonly Token[],
): Promise<TokenAnswer[]> => {
  const statsOf = await readStats(
    executor,
    tokens.map(({ id }) => id),
    clock.now(),
  );
  return tokens.map(({ reminded_days_left: _, ...token }) => ({
    ...token,
    metadata: isObject(token.metadata) ? token.metadata : {},
    expires_at: iso(token.expires_at),
    revoked_at: iso(token.revoked_at),
    last_used_at: iso(token.last_used_at),
    previous_token_expires_at: iso(token.previous_token_expires_at),
    previous_token_last_used_at: iso(token.previous_token_last_used_at),
    created_at: token.created_at.toISOString(),
    updated_at: token.updated_at.toISOString(),
    stats: statsOf(token.id),
  }));
};

/** One of them. Throws TOKEN_NOT_FOUND. */
export const tokenAnswer = async (
  data: Pick<Data, 'clock'>,
  executor: Executor,
  tokenId: string,
): Promise<TokenAnswer> => {
  const [answer] = await tokenAnswers(data, executor, [await findToken(executor, tokenId)]);
  if (!answer) throw new TypeError('one token has one answer');
  return answer;
};
