import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { Caller } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { type IssuedSession, type NewSession, startSession } from '../sessions/start-session.ts';
import { sha256Hex } from '../tokens/secrets.ts';

/** PKCE (RFC 7636): what a client hands over before, so that only it can use the code that comes after. */
export interface CodeChallenge {
  readonly codeChallenge: string;
  readonly codeChallengeMethod: 's256' | 'plain';
}

const AUTH_CODE_SECONDS = 5 * 60;

/** A code that goes to the client in a redirect, to be exchanged once, within five minutes, for a session. */
export const issueAuthCode = async (
  { trx }: Pick<Tools<'identity'>, 'trx'>,
  { data }: Pick<Deps, 'data'>,
  input: CodeChallenge & { readonly userId: string; readonly method: NewSession['method'] },
): Promise<string> => {
  const code = randomBytes(32).toString('base64url');
  const at = data.clock.now();
  await sql`
    INSERT INTO identity.auth_codes
      (code_hash, user_id, code_challenge, code_challenge_method, method, created_at, expires_at)
    VALUES (${sha256Hex(code)}, ${input.userId}, ${input.codeChallenge}, ${input.codeChallengeMethod},
      ${input.method}, ${at}, ${new Date(at.getTime() + AUTH_CODE_SECONDS * 1000)})`.execute(trx);
  return code;
};

interface AuthCodeRow extends CodeChallenge {
  readonly userId: string;
  readonly method: NewSession['method'];
  readonly expiresAt: Date;
}

const isSame = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

const provesChallenge = (verifier: string, { codeChallenge, codeChallengeMethod }: CodeChallenge): boolean =>
  isSame(
    codeChallengeMethod === 's256' ? createHash('sha256').update(verifier).digest('base64url') : verifier,
    codeChallenge,
  );

/**
 * Exchanges a code for a session. It is used up by the first try, so that whoever saw it has one guess at the verifier.
 *
 * @throws FLOW_STATE_NOT_FOUND, BAD_CODE_VERIFIER
 */
export const redeemAuthCode = async (
  deps: Deps,
  input: { readonly code: string; readonly verifier: string; readonly caller: Caller },
): Promise<IssuedSession> => {
  const { data } = deps;
  const outcome = await transact(data, async (tools) => {
    const used = await sql<AuthCodeRow>`
      DELETE FROM identity.auth_codes WHERE code_hash = ${sha256Hex(input.code)}
      RETURNING user_id AS "userId", code_challenge AS "codeChallenge",
        code_challenge_method AS "codeChallengeMethod", method, expires_at AS "expiresAt"`.execute(tools.trx);
    const [row] = used.rows;
    if (!row || row.expiresAt <= data.clock.now()) return 'FLOW_STATE_NOT_FOUND';
    if (!provesChallenge(input.verifier, row)) return 'BAD_CODE_VERIFIER';
    const { userId, method } = row;
    return startSession(deps, tools, { userId, method, clientName: null, caller: input.caller });
  });
  if (typeof outcome === 'string') throw new AppError(outcome);
  return outcome;
};
