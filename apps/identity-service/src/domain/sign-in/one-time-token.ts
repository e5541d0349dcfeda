import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { Tools } from '@switchboard/db';
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { type Secrets, sha256Hex } from '../tokens/secrets.ts';
import type { CodeChallenge } from './auth-code.ts';

/** What a mail carries to prove that it arrived: a token in a link, and six digits to type. */
export type TokenPurpose = 'signup' | 'recovery' | 'email_change';

export interface OneTimeToken {
  readonly userId: string;
  readonly purpose: TokenPurpose;
  /** Where it was sent; of an e-mail change, the new address. */
  readonly email: string;
  readonly challenge: CodeChallenge | null;
}

const TOKEN_SECONDS = 3600;
/** Then the digits are void, until the hour is over; the link is not. */
const WRONG_TRIES_MAX = 10;
const CODE_PURPOSE = 'one-time codes';

/** Six digits could be found from a plain hash; keyed, not without the secret. */
const codeMacs = (secrets: Secrets, userId: string, purpose: TokenPurpose, code: string) =>
  secrets.macs(CODE_PURPOSE, `${userId}\n${purpose}\n${code}`).map((mac) => mac.toString('hex'));

/**
 * Makes the token of a user for a purpose; the one before is void. Asking again does not give more guesses at the digits.
 * For nobody (`userId` null) the same is done, and nothing is kept.
 */
export const issueOneTimeToken = async (
  { trx }: Pick<Tools<'identity'>, 'trx'>,
  { data, secrets }: Pick<Deps, 'data' | 'secrets'>,
  input: Omit<OneTimeToken, 'userId'> & { readonly userId: string | null },
): Promise<{ readonly token: string; readonly code: string }> => {
  const token = randomBytes(32).toString('base64url');
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  const at = data.clock.now();
  const { userId, purpose, email, challenge } = input;
  const [codeHash] = codeMacs(secrets, userId ?? '', purpose, code);
  await sql`
    INSERT INTO identity.one_time_tokens AS known
      (id, user_id, purpose, token_hash, code_hash, email, code_challenge, code_challenge_method, created_at, expires_at)
    SELECT ${data.ids.next()}, id, ${purpose}, ${sha256Hex(token)}, ${codeHash}, ${email},
      ${challenge?.codeChallenge ?? null}::text, ${challenge?.codeChallengeMethod ?? null}::text, ${at}::timestamptz,
      ${new Date(at.getTime() + TOKEN_SECONDS * 1000)}::timestamptz
    FROM identity.users WHERE id = ${userId}
    ON CONFLICT (user_id, purpose) DO UPDATE SET
      token_hash = excluded.token_hash, code_hash = excluded.code_hash, email = excluded.email,
      code_challenge = excluded.code_challenge, code_challenge_method = excluded.code_challenge_method,
      created_at = excluded.created_at, expires_at = excluded.expires_at,
      wrong_tries = CASE WHEN known.expires_at > ${at} THEN known.wrong_tries ELSE 0 END`.execute(trx);
  return { token, code };
};

interface TokenRow {
  readonly id: string;
  readonly userId: string;
  readonly purpose: TokenPurpose;
  readonly email: string;
  readonly codeHash: string;
  readonly wrongTries: number;
  readonly codeChallenge: string | null;
  readonly codeChallengeMethod: CodeChallenge['codeChallengeMethod'] | null;
  readonly expiresAt: Date;
}

const COLUMNS = sql`
  id, user_id AS "userId", purpose, email, code_hash AS "codeHash", wrong_tries AS "wrongTries",
  code_challenge AS "codeChallenge", code_challenge_method AS "codeChallengeMethod", expires_at AS "expiresAt"`;

const toToken = ({ userId, purpose, email, codeChallenge, codeChallengeMethod }: TokenRow): OneTimeToken => ({
  userId,
  purpose,
  email,
  challenge:
    codeChallenge === null || codeChallengeMethod === null ? null : { codeChallenge, codeChallengeMethod },
});

/** What proves that a mail arrived. */
export type Proof = { readonly token: string } | { readonly email: string; readonly code: string };

const useLink = async (
  trx: Executor,
  token: string,
  purposes: readonly TokenPurpose[],
): Promise<TokenRow | null> => {
  const used = await sql<TokenRow>`
    DELETE FROM identity.one_time_tokens WHERE token_hash = ${sha256Hex(token)} AND purpose IN (${sql.join(purposes)})
    RETURNING ${COLUMNS}`.execute(trx);
  return used.rows[0] ?? null;
};

const useCode = async (
  trx: Executor,
  secrets: Secrets,
  { email, code }: { readonly email: string; readonly code: string },
  purposes: readonly TokenPurpose[],
): Promise<TokenRow | null> => {
  // Locked, so that a thousand guesses at once are counted one after another.
  const found = await sql<TokenRow>`
    SELECT ${COLUMNS} FROM identity.one_time_tokens WHERE email = ${email} AND purpose IN (${sql.join(purposes)})
    ORDER BY id LIMIT 10 FOR UPDATE`.execute(trx);
  for (const row of found.rows) {
    if (row.wrongTries >= WRONG_TRIES_MAX) continue;
    const expected = Buffer.from(row.codeHash);
    const isRight = codeMacs(secrets, row.userId, row.purpose, code).some((mac) =>
      timingSafeEqual(Buffer.from(mac), expected),
    );
    if (isRight) {
      await sql`DELETE FROM identity.one_time_tokens WHERE id = ${row.id}`.execute(trx);
      return row;
    }
    await sql`UPDATE identity.one_time_tokens SET wrong_tries = wrong_tries + 1 WHERE id = ${row.id}`.execute(
      trx,
    );
  }
  return null;
};

/** Uses a token up. Null for one that is unknown, of another purpose, used, too old, or whose digits were guessed at. */
export const useOneTimeToken = async (
  trx: Executor,
  { data, secrets }: Pick<Deps, 'data' | 'secrets'>,
  proof: Proof,
  purposes: readonly TokenPurpose[],
): Promise<OneTimeToken | null> => {
  const row =
    'token' in proof
      ? await useLink(trx, proof.token, purposes)
      : await useCode(trx, secrets, proof, purposes);
  return row && row.expiresAt > data.clock.now() ? toToken(row) : null;
};

/** What was mailed before a password or an address was changed is void. */
export const dropOneTimeTokens = async (trx: Executor, userId: string): Promise<void> => {
  await sql`DELETE FROM identity.one_time_tokens WHERE user_id = ${userId}`.execute(trx);
};
