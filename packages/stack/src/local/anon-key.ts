import { createHmac, randomBytes } from 'node:crypto';

const TEN_YEARS_SECONDS = 10 * 365 * 86_400;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * An anon key as a Supabase project has one: a JWT with the role `anon`. The gateway compares it as a whole, so what
 * signs it is known to nobody, and it opens nothing but sign-in.
 */
export function makeAnonKey(nowSeconds = Math.floor(Date.now() / 1000)): string {
  const head = encode({ alg: 'HS256', typ: 'JWT' });
  const claims = { iss: 'switchboard', role: 'anon', iat: nowSeconds, exp: nowSeconds + TEN_YEARS_SECONDS };
  const signed = `${head}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', randomBytes(32)).update(signed).digest('base64url')}`;
}
