import { isDeepStrictEqual } from 'node:util';
import { AppError, ticketEvents } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { findToken, lockToken, type Token, type TokenChanges, updateToken } from './token-repository.ts';

/** Columns that an act writes and its record leaves out: secrets, and what follows from the rest. */
const UNRECORDED: ReadonlySet<string> = new Set([
  'token_hash',
  'previous_token_hash',
  'previous_token_last_used_at',
  'reminded_days_left',
  'updated_at',
  'deleted_at',
]);

const partOf = (token: Token, changes: TokenChanges): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(token).filter(([field]) => Object.hasOwn(changes, field) && !UNRECORDED.has(field)),
  );

export const targetOf = ({ id, name }: Pick<Token, 'id' | 'name'>) => ({
  type: 'integration_token',
  id,
  name,
});

export interface TokenAct {
  readonly tokenId: string;
  /** `integration_token.disable` */
  readonly action: string;
  /** What to write, given what is so. It may refuse. */
  readonly decide: (before: Token, now: Date) => TokenChanges;
}

/**
 * Changes a token and records who did it, under its lock and in one transaction. Every administrative change goes
 * through here, so that none is without its record. What is so already is no change, and leaves no record: whoever asks
 * again because the answer was lost has acted once.
 *
 * @throws TOKEN_NOT_FOUND
 */
export const changeToken = async (
  data: Pick<Data, 'clock'>,
  { trx, emit }: Tools<'tickets'>,
  admin: AdminContext,
  { tokenId, action, decide }: TokenAct,
): Promise<void> => {
  const before = await lockToken(trx, tokenId);
  const now = data.clock.now();
  const changes = decide(before, now);
  await updateToken(trx, tokenId, { ...changes, updated_at: now });
  const isDeleted = changes.deleted_at !== undefined;
  const was = partOf(before, changes);
  const is = isDeleted ? null : partOf(await findToken(trx, tokenId), changes);
  // A new secret is a change, although nothing of it is recorded.
  if (changes.token_hash === undefined && isDeepStrictEqual(was, is)) return;
  emit(
    ticketEvents.adminActed,
    adminActOf(admin, { action, target: targetOf(before), before: was, after: is }),
  );
};

/** Revoked is final. Throws KEY_REVOKED. */
export const requireNotRevoked = ({ status }: Token): void => {
  if (status === 'revoked') throw new AppError('KEY_REVOKED');
};
