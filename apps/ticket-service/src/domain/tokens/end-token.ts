import { transact } from '@switchboard/db';
import type { AdminContext } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { changeToken, requireNotRevoked, type TokenAct } from './change-token.ts';
import { type TokenAnswer, tokenAnswer } from './token-answer.ts';
import type { Token, TokenChanges } from './token-repository.ts';

const revoked = (before: Token, now: Date): TokenChanges => ({
  status: 'revoked',
  revoked_at: before.revoked_at ?? now,
});

const change = (data: Data, admin: AdminContext, act: TokenAct): Promise<TokenAnswer> =>
  transact(data, async (tools) => {
    await changeToken(data, tools, admin, act);
    return tokenAnswer(data, tools.trx, act.tokenId);
  });

/** Ends a token for the time being. Throws TOKEN_NOT_FOUND, KEY_REVOKED. */
export const disableToken = (data: Data, admin: AdminContext, tokenId: string): Promise<TokenAnswer> =>
  change(data, admin, {
    tokenId,
    action: 'integration_token.disable',
    decide(before) {
      requireNotRevoked(before);
      return { status: 'disabled' };
    },
  });

/** Takes that back. Throws TOKEN_NOT_FOUND, KEY_REVOKED. */
export const enableToken = (data: Data, admin: AdminContext, tokenId: string): Promise<TokenAnswer> =>
  change(data, admin, {
    tokenId,
    action: 'integration_token.enable',
    decide(before) {
      requireNotRevoked(before);
      return { status: 'active' };
    },
  });

/** Ends a token for good; one that is revoked stays so. Throws TOKEN_NOT_FOUND. */
export const revokeToken = (data: Data, admin: AdminContext, tokenId: string): Promise<TokenAnswer> =>
  change(data, admin, { tokenId, action: 'integration_token.revoke', decide: revoked });

/** Ends a token for good and hides it. The row stays: tickets, usage and audit trail speak of it. Throws TOKEN_NOT_FOUND. */
export const deleteToken = (data: Data, admin: AdminContext, tokenId: string): Promise<void> =>
  transact(data, (tools) =>
    changeToken(data, tools, admin, {
      tokenId,
      action: 'integration_token.delete',
      decide: (before, now) => ({ ...revoked(before, now), deleted_at: now }),
    }),
  );
