import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import type { Bus, Responder } from '@switchboard/bus';
import { type Clock, identityEvents, identityRpcs, type UserRole } from '@switchboard/contracts';
import jwt from 'jsonwebtoken';
import type { z } from 'zod';

export const ISSUER = 'http://127.0.0.1:3000/auth/v1';

type Verdict = z.input<typeof identityRpcs.checkSession.reply>;
export type SessionQuestion = z.output<typeof identityRpcs.checkSession.request>;

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: 'RS256' | 'ES256';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: { kty: string; kid: string; alg: string; use: 'sig' };
}

export const makeSigningKey = (kid: string, algorithm: 'RS256' | 'ES256' = 'RS256'): SigningKey => {
  const { privateKey, publicKey } =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty = '', ...rest } = publicKey.export({ format: 'jwk' });
  return { kid, algorithm, privateKey, publicKey, jwk: { ...rest, kty, kid, alg: algorithm, use: 'sig' } };
};

export interface TestUser {
  readonly userId: string;
  readonly sessionId: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly token: string;
}

const secondsOf = (clock: Clock): number => Math.floor(clock.now().getTime() / 1000);

/** Answers the questions about users over the real NATS: what identity-service does from its tables. */
export const createIdentityOwner = (bus: Bus, clock: Clock) => {
  const keys = [makeSigningKey('k1')];
  const verdicts = new Map<string, Verdict>();
  const asked: SessionQuestion[] = [];
  let keyQuestions = 0;

  const answer = (): Responder[] => [
    bus.respond(identityRpcs.signingKeys, async () => {
      keyQuestions += 1;
      return { issuer: ISSUER, audience: 'authenticated', keys: keys.map(({ jwk }) => jwk) };
    }),
    bus.respond(identityRpcs.checkSession, async (question) => {
      asked.push(question);
      const unknown: Verdict = { ok: false, reason: 'unknown_user' };
      return verdicts.get(question.user_id) ?? unknown;
    }),
  ];
  let responders = answer();

  return {
    keys,
    asked,
    get keyQuestions() {
      return keyQuestions;
    },
    /** A user who has signed in: the role of the token and that of the tables may differ. */
    signIn(
      options: {
        role?: UserRole;
        claims?: Record<string, unknown>;
        key?: SigningKey;
        lifeSeconds?: number;
      } = {},
    ): TestUser {
      const userId = randomUUID();
      const sessionId = randomUUID();
      const { role = 'user', key = keys[0], lifeSeconds = 3600 } = options;
      if (!key) throw new TypeError('no key');
      verdicts.set(userId, { ok: true, email: 'user@example.com', role, business_id: null });
      const now = secondsOf(clock);
      const claims = {
        iss: ISSUER,
        sub: userId,
        aud: 'authenticated',
        iat: now,
        exp: now + lifeSeconds,
        email: 'user@example.com',
        role: 'authenticated',
        session_id: sessionId,
        app_metadata: { role: 'user' },
        ...options.claims,
      };
      return { userId, sessionId, claims, token: sign(claims, key) };
    },
    set(userId: string, verdict: Verdict): void {
      verdicts.set(userId, verdict);
    },
    /** The session is over; the gateways hear of it unless `quietly`. */
    async end(user: TestUser, options: { quietly?: boolean; everywhere?: boolean } = {}): Promise<void> {
      verdicts.set(user.userId, { ok: false, reason: 'session_ended' });
      if (options.quietly) return;
      await bus.publishEvent(
        identityEvents.sessionEnded,
        {
          user_id: user.userId,
          session_id: options.everywhere ? null : user.sessionId,
          reason: 'signed_out',
        },
        { source: 'identity-service' },
      );
    },
    async changeRole(user: TestUser, role: UserRole): Promise<void> {
      verdicts.set(user.userId, { ok: true, email: 'user@example.com', role, business_id: null });
      await bus.publishEvent(
        identityEvents.userChanged,
        { user_id: user.userId, change: 'role_changed' },
        { source: 'identity-service' },
      );
    },
    async tellOfKey(kid: string, change: 'added' | 'removed' | 'revoked'): Promise<void> {
      await bus.publishEvent(
        identityEvents.signingKeyChanged,
        { kid, change },
        { source: 'identity-service' },
      );
    },
    async leave(): Promise<void> {
      await Promise.all(responders.map((responder) => responder.stop()));
    },
    comeBack(): void {
      responders = answer();
    },
  };
};
export type IdentityOwner = ReturnType<typeof createIdentityOwner>;

/** A token as its issuer would make it; the header may say more than it should. */
export const sign = (
  claims: Readonly<Record<string, unknown>>,
  key: SigningKey,
  header: Readonly<Record<string, unknown>> = {},
): string =>
  // Without what is undefined.
  jwt.sign(JSON.parse(JSON.stringify(claims)), key.privateKey, {
    algorithm: key.algorithm,
    header: { alg: key.algorithm, kid: key.kid, ...header },
  });

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Header and claims as given, even if no JSON library would write them so; the signature as it is wanted. */
export const rawToken = (header: unknown, claims: unknown, signature = ''): string =>
  `${part(header)}.${part(claims)}.${signature}`;

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
