import { AppError } from '@switchboard/contracts';
import { patternOf, type Schemas } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { type Insertable, type SelectQueryBuilder, sql, type UpdateObject } from 'kysely';
import type { Executor } from '../database.ts';

type Tables = Schemas['tickets'];
export type NewToken = Insertable<Tables['integration_tokens']>;
export type TokenChanges = UpdateObject<Tables, 'integration_tokens'>;

/** What may be shown of a token: everything but its hashes. Names are those of the columns and of the answers. */
const shown = <Rows extends SelectQueryBuilder<Tables, 'integration_tokens', object>>(rows: Rows) =>
  rows.select([
    'id',
    'name',
    'description',
    'token_prefix',
    'status',
    'owner_user_id',
    'rate_limit_per_hour',
    'allowed_endpoints',
    // As JSON: what the driver makes of inet[] is not a list, and as text[] every address would be a network.
    sql<string[]>`to_json(allowed_ips)`.as('allowed_ips'),
    'metadata',
    'expires_at',
    'revoked_at',
    'last_used_at',
    'previous_token_expires_at',
    'previous_token_last_used_at',
    'reminded_days_left',
    'created_by',
    'created_at',
    'updated_at',
  ]);

const presentTokens = (executor: Executor) =>
  shown(executor.selectFrom('integration_tokens').where('deleted_at', 'is', null));

export type Token = Awaited<ReturnType<ReturnType<typeof presentTokens>['executeTakeFirstOrThrow']>>;

/** A token that is not deleted. Throws TOKEN_NOT_FOUND. */
export const findToken = async (executor: Executor, id: string): Promise<Token> => {
  const token = await presentTokens(executor).where('id', '=', id).executeTakeFirst();
  if (!token) throw new AppError('TOKEN_NOT_FOUND');
  return token;
};

/** The same, and nobody else changes it before the transaction ends. */
export const lockToken = async (executor: Executor, id: string): Promise<Token> => {
  const token = await presentTokens(executor).where('id', '=', id).forUpdate().executeTakeFirst();
  if (!token) throw new AppError('TOKEN_NOT_FOUND');
  return token;
};

export const insertToken = async (executor: Executor, token: NewToken): Promise<void> => {
  await executor.insertInto('integration_tokens').values(token).execute();
};

export const updateToken = async (executor: Executor, id: string, changes: TokenChanges): Promise<void> => {
  await executor.updateTable('integration_tokens').set(changes).where('id', '=', id).execute();
};

/** Searches look at no more than this many tokens where no index can help: terms under three characters. */
const SEARCH_TOKENS_MAX = 10_000;
const TRIGRAM_CHARACTERS = 3;

export interface TokenFilter {
  readonly search: string | null;
  readonly status: Token['status'] | null;
}

/** Tokens newest first, one more than `limit` when there are more. */
export const listTokens = (
  executor: Executor,
  { search, status }: TokenFilter,
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly Token[]> => {
  let tokens = presentTokens(executor);
  if (status !== null) tokens = tokens.where('status', '=', status);
  if (page.after) {
    const { createdAt, id } = page.after;
    tokens = tokens.where(sql<boolean>`(created_at, id) < (${createdAt}, ${id})`);
  }
  if (search !== null) {
    const pattern = patternOf(search);
    tokens = tokens.where((by) =>
      by.or([by('name', 'ilike', pattern), by('token_prefix', 'ilike', pattern)]),
    );
    if ([...search].length < TRIGRAM_CHARACTERS) {
      tokens = tokens.where('id', 'in', (newest) =>
        newest
          .selectFrom('integration_tokens')
          .select('id')
          .where('deleted_at', 'is', null)
          .orderBy('created_at', 'desc')
          .orderBy('id', 'desc')
          .limit(SEARCH_TOKENS_MAX),
      );
    }
  }
  return tokens
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
};
