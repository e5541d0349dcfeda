import type { SignInProvider } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/** TERMINOLOGY — *flow*: one sign-in with a provider, from our redirect to the provider to its redirect to us. */
export interface Flow {
  readonly id: string;
  readonly provider: SignInProvider;
  /** client: it ends with a code or tokens for `redirectTo`; page: with a session of our own pages. */
  readonly purpose: 'client' | 'page';
  readonly redirectTo: string;
  readonly codeVerifierEncrypted: string;
  readonly nonce: string;
  readonly codeChallenge: string | null;
  readonly codeChallengeMethod: 's256' | 'plain' | null;
  readonly expiresAt: Date;
}

export const insertFlow = async (
  executor: Executor,
  flow: Flow & { readonly stateHash: string; readonly browserHash: string; readonly at: Date },
): Promise<void> => {
  await sql`
    INSERT INTO identity.oauth_flows (id, state_hash, browser_hash, provider, purpose, redirect_to,
      code_verifier_encrypted, nonce, code_challenge, code_challenge_method, created_at, expires_at)
    VALUES (${flow.id}, ${flow.stateHash}, ${flow.browserHash}, ${flow.provider}, ${flow.purpose}, ${flow.redirectTo},
      ${flow.codeVerifierEncrypted}, ${flow.nonce}, ${flow.codeChallenge}, ${flow.codeChallengeMethod}, ${flow.at},
      ${flow.expiresAt})
  `.execute(executor);
};

/** The flow, which is over with that: no state is good twice. Only for the browser that began it. */
export const takeFlow = async (
  executor: Executor,
  which: { readonly stateHash: string; readonly browserHash: string },
): Promise<Flow | null> => {
  const taken = await sql<Flow>`
    DELETE FROM identity.oauth_flows WHERE state_hash = ${which.stateHash} AND browser_hash = ${which.browserHash}
    RETURNING id, provider, purpose, redirect_to AS "redirectTo", code_verifier_encrypted AS "codeVerifierEncrypted",
      nonce, code_challenge AS "codeChallenge", code_challenge_method AS "codeChallengeMethod",
      expires_at AS "expiresAt"
  `.execute(executor);
  return taken.rows[0] ?? null;
};
