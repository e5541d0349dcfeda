import { silentLog } from '@switchboard/bus';
import { transact } from '@switchboard/db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHashing } from '../src/domain/passwords/hashing.ts';
import { createUser } from '../src/domain/users/create-user.ts';
import {
  type Answer,
  anon,
  GOOD_PASSWORD,
  startTestIdentity,
  type TestIdentity,
} from './support/identity.ts';

let identity: TestIdentity;
/** The same service where addresses must be confirmed, and the same where nobody can sign up. */
let confirming: TestIdentity;
let closed: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
  confirming = await identity.startReplica({ env: { AUTH_REQUIRE_EMAIL_CONFIRMATION: 'true' } });
  closed = await identity.startReplica({ env: { AUTH_SIGNUP_ENABLED: 'false' } });
});
afterAll(async () => {
  await closed.close();
  await confirming.close();
  await identity.close();
});

const signIn = (email: unknown, password: unknown, on = identity): Promise<Answer> =>
  on.call(anon, 'POST', '/auth/v1/token?grant_type=password', { body: { email, password } });
const signUp = (on: TestIdentity, body: object): Promise<Answer> =>
  on.call(anon, 'POST', '/auth/v1/signup', { body });

/** What something costs: how often argon2id ran, and how many rows of which kind were written. */
const costOf = async (on: TestIdentity, work: () => Promise<Answer>) => {
  const rows = async () => Number((await on.rows('SELECT count(*) FROM identity.mail'))[0].count);
  const [runs, mails] = [on.deps.hashing.runs, await rows()];
  const answer = await work();
  return { answer, cost: { hashes: on.deps.hashing.runs - runs, mails: (await rows()) - mails } };
};

/** What an answer shows, with ids, times and addresses left out. */
const shapeOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, shapeOf(child)]));
  }
  return typeof value === 'string' && /@|^[0-9a-f]{8}-|^\d{4}-/.test(value) ? 'varies' : value;
};

describe('sign-in', () => {
  it('says and costs the same for an unknown address, a wrong password, a user without one and a disabled one', async () => {
    const known = await identity.makeUser();
    const disabled = await identity.makeUser();
    await identity.rows('UPDATE identity.users SET disabled_at = now() WHERE id = $1', [disabled.id]);
    await transact(identity.deps.data, (tools) =>
      createUser(tools, identity.deps, {
        email: 'by-google@example.com',
        isConfirmed: true,
        passwordHash: null,
        identity: { provider: 'google', providerId: '1', identityData: {} },
      }),
    );
    const tries: readonly (readonly [string, string])[] = [
      [known.email, 'not the password'],
      ['nobody-has-it@example.com', GOOD_PASSWORD],
      ['by-google@example.com', GOOD_PASSWORD],
      [disabled.email, disabled.password],
      ['not an address', GOOD_PASSWORD],
      [known.email, 'x'.repeat(2000)],
    ];
    for (const [email, password] of tries) {
      const { answer, cost } = await costOf(identity, () => signIn(email, password));
      expect({ status: answer.status, body: answer.body }).toEqual({
        status: 400,
        body: { code: 400, error_code: 'invalid_credentials', msg: 'Invalid login credentials' },
      });
      expect(cost).toEqual({ hashes: 1, mails: 0 });
    }
    expect((await costOf(identity, () => signIn(known.email, known.password))).cost.hashes).toBe(1);
  });

  it('finds an address however it is written', async () => {
    const { password } = await identity.makeUser({ email: 'é.mixed@example.com' });
    expect((await signIn('  É.Mixed@EXAMPLE.com ', password)).status).toBe(200);
  });

  it('answers a session as Supabase Auth does', async () => {
    const user = await identity.makeUser({ role: 'agent' });
    const { status, body, headers } = await signIn(user.email, user.password);
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toMatchObject({
      token_type: 'bearer',
      expires_in: 3600,
      user: {
        id: user.id,
        aud: 'authenticated',
        role: 'authenticated',
        email: user.email,
        phone: '',
        app_metadata: { provider: 'email', providers: ['email'], role: 'agent' },
        user_metadata: {},
        identities: [{ provider: 'email', user_id: user.id, id: user.id, email: user.email }],
        is_anonymous: false,
      },
    });
    const [, payload = ''] = body.access_token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    expect(claims).toMatchObject({
      iss: 'http://localhost:3000/auth/v1',
      sub: user.id,
      aud: 'authenticated',
      email: user.email,
      phone: '',
      role: 'authenticated',
      aal: 'aal1',
      app_metadata: { role: 'agent' },
      user_metadata: {},
      amr: [{ method: 'password' }],
      is_anonymous: false,
    });
    expect(claims.exp - claims.iat).toBe(3600);
    expect(body.expires_at).toBe(claims.exp);
  });

  it('tells only whoever knows the password that the address is not confirmed', async () => {
    const user = await identity.makeUser({ isConfirmed: false });
    expect((await signIn(user.email, 'not the password')).body.error_code).toBe('invalid_credentials');
    expect((await signIn(user.email, user.password)).body.error_code).toBe('email_not_confirmed');
  });
});

describe('sign-up', () => {
  it('signs in at once, and takes an address once, also of two at the same moment', async () => {
    const body = { email: 'New.One@example.com', password: GOOD_PASSWORD, data: { name: 'New' } };
    const answers = await Promise.all([signUp(identity, body), signUp(identity, body)]);
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 422]);
    const made = answers.find((answer) => answer.status === 200);
    expect(made?.body.user).toMatchObject({ email: 'new.one@example.com', user_metadata: { name: 'New' } });
    expect(answers.find((answer) => answer.status === 422)?.body.error_code).toBe('user_already_exists');
  });

  it('says and costs the same for an address that is known, where addresses must be confirmed', async () => {
    const confirmed = await identity.makeUser();
    const pending = await identity.makeUser({ isConfirmed: false });
    const bodies: unknown[] = [];
    for (const email of ['quite-new@example.com', confirmed.email, pending.email, confirmed.email]) {
      const { answer, cost } = await costOf(confirming, () =>
        signUp(confirming, { email, password: 'another-Password-of-mine', data: { name: 'Somebody' } }),
      );
      expect(answer.status).toBe(200);
      expect(answer.body.access_token).toBeUndefined();
      expect(answer.body.email).toBe(email);
      expect(cost).toEqual({ hashes: 2, mails: 1 });
      bodies.push(shapeOf(answer.body));
    }
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    // Nobody's password was changed by a stranger, and the mail to them is for nobody.
    expect((await signIn(confirmed.email, confirmed.password)).status).toBe(200);
    const mails = await identity.rows('SELECT user_id FROM identity.mail WHERE to_email = $1', [
      confirmed.email,
    ]);
    expect(mails).toEqual([{ user_id: null }, { user_id: null }]);
  });

  it('can be closed', async () => {
    const answer = await signUp(closed, { email: 'late@example.com', password: GOOD_PASSWORD });
    expect(answer).toMatchObject({ status: 422, body: { error_code: 'signup_disabled' } });
  });

  it.each([
    ['seven characters', 'seven-7', 'length'],
    ['a common one', 'password', 'pwned'],
    ['a common one in other cases', 'PassWord123', 'pwned'],
    ['digits in a row', '1234567890', 'pwned'],
    ['more than 1024 bytes', 'ü'.repeat(600), 'length'],
  ])('takes no password of %s', async (_name, password, reason) => {
    const answer = await signUp(identity, { email: 'weak@example.com', password });
    expect(answer).toMatchObject({
      status: 422,
      body: { error_code: 'weak_password', weak_password: { reasons: [reason] } },
    });
  });
});

describe('recovery', () => {
  it('says and costs the same for an address that nobody has', async () => {
    const known = await identity.makeUser();
    const disabled = await identity.makeUser();
    await identity.rows('UPDATE identity.users SET disabled_at = now() WHERE id = $1', [disabled.id]);
    for (const email of [known.email, 'nobody-at-all@example.com', disabled.email]) {
      const { answer, cost } = await costOf(identity, () =>
        identity.call(anon, 'POST', '/auth/v1/recover', { body: { email } }),
      );
      expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: {} });
      expect(cost).toEqual({ hashes: 0, mails: 1 });
    }
    const mails = await identity.rows(
      "SELECT to_email, user_id FROM identity.mail WHERE kind = 'recovery' AND user_id IS NOT NULL",
    );
    expect(mails).toEqual([{ to_email: known.email, user_id: known.id }]);
  });
});

describe('a new password', () => {
  it('ends all other sessions, and must be another one', async () => {
    const user = await identity.makeUser();
    const here = await identity.signIn(user);
    const there = await identity.signIn(user);
    const put = (body: object) => identity.call(here.principal, 'PUT', '/auth/v1/user', { body });
    expect((await put({ password: user.password })).body.error_code).toBe('same_password');
    expect((await put({ password: 'password' })).body.error_code).toBe('weak_password');
    const wrong = await put({ password: 'a-Password-of-tomorrow', current_password: 'not mine' });
    expect(wrong.body.error_code).toBe('invalid_credentials');
    const right = await put({ password: 'a-Password-of-tomorrow', current_password: user.password });
    expect(right).toMatchObject({ status: 200, body: { id: user.id, email: user.email } });

    const refresh = (token: string) =>
      identity.call(anon, 'POST', '/auth/v1/token?grant_type=refresh_token', {
        body: { refresh_token: token },
      });
    expect((await refresh(there.refreshToken)).status).toBe(400);
    expect((await refresh(here.refreshToken)).status).toBe(200);
    expect((await signIn(user.email, user.password)).status).toBe(400);
    expect((await signIn(user.email, 'a-Password-of-tomorrow')).status).toBe(200);
    const events = await identity.rows(
      "SELECT data FROM identity.outbox WHERE subject = 'identity.session.ended' AND data->>'user_id' = $1",
      [user.id],
    );
    expect(events.map((row) => row.data)).toEqual([
      { user_id: user.id, session_id: there.sessionId, reason: 'password_changed' },
    ]);
  });

  it('is not set by a token whose session is over', async () => {
    const signedIn = await identity.signIn(await identity.makeUser());
    await identity.call(signedIn.principal, 'POST', '/auth/v1/logout?scope=local');
    const answer = await identity.call(signedIn.principal, 'PUT', '/auth/v1/user', {
      body: { password: 'a-Password-of-tomorrow' },
    });
    expect(answer).toMatchObject({ status: 403, body: { error_code: 'session_not_found' } });
  });
});

describe('passwords are hashed so many at a time', () => {
  it('and whoever comes when too many wait is sent away, rather than let the others wait', async () => {
    const hashing = createHashing({ atOnce: 1, waitingMax: 2 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, () => hashing.verify('some password', null)),
    );
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      ...Array(3).fill('fulfilled'),
      ...Array(3).fill('rejected'),
    ]);
    expect(outcomes[5]).toMatchObject({
      reason: { code: 'SERVICE_UNAVAILABLE', headers: { 'retry-after': '2' } },
    });
    expect(hashing.runs).toBe(3);
    await expect(hashing.verify('some password', await hashing.hash('some password'))).resolves.toBe(true);
  });
});

describe('the first administrator', () => {
  it('is made once, by however many replicas, and is on record', async () => {
    const env = { ADMIN_EMAIL: 'Boss@Example.com', ADMIN_PASSWORD: 'the-Password-of-the-boss' };
    const replicas = await Promise.all([1, 2, 3].map(() => identity.startReplica({ env })));
    const again = await identity.startReplica({ env: { ...env, ADMIN_EMAIL: 'other@example.com' } });
    const admins = await identity.rows("SELECT email FROM identity.users WHERE role = 'super_admin'");
    expect(admins).toEqual([{ email: 'boss@example.com' }]);
    const acts = await identity.rows(
      "SELECT data FROM identity.outbox WHERE subject = 'identity.admin.acted'",
    );
    expect(acts.map((row) => row.data)).toMatchObject([{ action: 'user.create', actor: null }]);
    expect((await signIn('boss@example.com', env.ADMIN_PASSWORD)).body.user.app_metadata.role).toBe(
      'super_admin',
    );
    for (const replica of [...replicas, again]) await replica.close();
  });

  it('is not made with a password that everybody knows, and nobody else is kept from signing in', async () => {
    await identity.rows("UPDATE identity.users SET role = 'admin' WHERE role = 'super_admin'");
    const env = { ADMIN_EMAIL: 'weak@example.com', ADMIN_PASSWORD: 'password123' };
    const replica = await identity.startReplica({ env });
    expect(await identity.rows("SELECT 1 FROM identity.users WHERE role = 'super_admin'")).toEqual([]);
    await replica.signIn(await replica.makeUser());
    await replica.close();
  });

  it.each([[{ ADMIN_EMAIL: 'half@example.com' }], [{ ADMIN_PASSWORD: 'the-Password-of-the-boss' }]])(
    'is not made of half of what is needed, and the log says so',
    async (env) => {
      await identity.rows("UPDATE identity.users SET role = 'admin' WHERE role = 'super_admin'");
      const errors: string[] = [];
      const log = { ...silentLog, error: (_details: object, message: string) => void errors.push(message) };
      const replica = await identity.startReplica({ env, log });
      expect(errors).toContain('ADMIN_EMAIL and ADMIN_PASSWORD go together: there is no administrator');
      await replica.close();
    },
  );
});
