import { errors } from '@switchboard/contracts';
import type { CodeChallenge } from '../../domain/sign-in/auth-code.ts';

/** The challenge that a client of the PKCE flow sends along; null where it sent none. */
export const codeChallengeOf = (body: {
  readonly code_challenge?: string | null | undefined;
  readonly code_challenge_method?: 's256' | 'S256' | 'plain' | null | undefined;
}): CodeChallenge | null => {
  const { code_challenge: codeChallenge, code_challenge_method: method } = body;
  if (!codeChallenge && !method) return null;
  if (!codeChallenge || !method) {
    throw errors.invalidInput([
      { field: 'code_challenge', message: 'comes together with code_challenge_method, or not at all' },
    ]);
  }
  return { codeChallenge, codeChallengeMethod: method === 'plain' ? 'plain' : 's256' };
};
