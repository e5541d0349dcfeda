import { createManualClock, identityRpcs } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRefreshToken } from '../src/domain/sessions/refresh-token.ts';
import {
  type Answer,
  anon,
  type SignedIn,
  startTestIdentity,
  type TestIdentity,
} from './support/identity.ts';

const clock = createManualClock('2026-11-25T10:00:00.000Z');
let identity: TestIdentity;
let replica: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
  replica = await identity.startReplica();
});
afterAll(async () => {
  await replica.close();
  await identity.close();
});

const refresh = (on: TestIdentity, token: string): Promise<Answer> =>
  on.call(anon, 'POST', '/auth/v1/token?grant_type=refresh_token', { body: { refresh_token: token } });
const startSignedIn = async (): Promise<SignedIn> => identity.signIn(await identity.makeUser());
const check = ({ principal }: SignedIn) =>
  identity.bus.request(identityRpcs.checkSession, {
    origin: 'local',
    user_id: principal.user_id,
    session_id: principal.session_id,
    issued_at: clock.now().toISOString(),
    email: null,
    role: null,
  });
const endedEvents = (sessionId: string) =>
  identity.rows<{ reason: string }>(
    "SELECT data->>'reason' AS reason FROM identity.outbox WHERE subject = 'identity.session.ended' AND data->>'session_id' = $1",
    [sessionId],
  );

describe('a refresh token', () => {
  it('gives new tokens of the same session, again and again', async () => {
    const signedIn = await startSignedIn();
    let token = signedIn.refreshToken;
    for (let i = 0; i < 3; i += 1) {
      clock.advance(60);
      const answer = await refresh(i % 2 === 0 ? identity : replica, token);
      expect(answer.status).toBe(200);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.body.refresh_token).not.toBe(token);
      expect(answer.body.expires_at).toBe(Math.floor(clock.now().getTime() / 1000) + 3600);
      const claims = JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url').toString());
      expect(claims.session_id).toBe(signedIn.sessionId);
      token = answer.body.refresh_token;
    }
    await expect(check(signedIn)).resolves.toMatchObject({ ok: true, role: 'user' });
  });

  it('gives a racing tab, or one whose answer was lost, the same token for ten seconds', async () => {
    const { refreshToken } = await startSignedIn();
    const first = await refresh(identity, refreshToken);
    clock.advance(10);
    const second = await refresh(replica, refreshToken);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).toBe(first.body.refresh_token);
    expect((await refresh(identity, second.body.refresh_token)).status).toBe(200);
  });

  it('ends the whole family when it comes again later, and everybody hears of it', async () => {
    const signedIn = await startSignedIn();
    const first = await refresh(identity, signedIn.refreshToken);
    clock.advance(11);
    const reused = await refresh(replica, signedIn.refreshToken);
    expect(reused).toMatchObject({ status: 400, body: { error_code: 'refresh_token_already_used' } });
    // The thief's or the owner's, nobody can tell: neither goes on.
    expect(await refresh(identity, first.body.refresh_token)).toMatchObject({
      status: 400,
      body: { error_code: 'refresh_token_already_used' },
    });
    expect(await endedEvents(signedIn.sessionId)).toEqual([{ reason: 'refresh_token_reused' }]);
    await expect(check(signedIn)).resolves.toEqual({ ok: false, reason: 'session_ended' });
  });

  it('ends the family within the grace too when it is older than the one before', async () => {
    const signedIn = await startSignedIn();
    const first = await refresh(identity, signedIn.refreshToken);
    await refresh(identity, first.body.refresh_token);
    expect((await refresh(identity, signedIn.refreshToken)).body.error_code).toBe(
      'refresh_token_already_used',
    );
  });

  it('is refreshed once by many requests at once on two replicas', async () => {
    const { refreshToken, sessionId } = await startSignedIn();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => refresh(i % 2 === 0 ? identity : replica, refreshToken)),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map((answer) => answer.body.refresh_token)).size).toBe(1);
    const [row] = await identity.rows('SELECT refresh_counter FROM identity.sessions WHERE id = $1', [
      sessionId,
    ]);
    expect(row.refresh_counter).toBe(1);
  });

  it('is what it was when the transaction of the refresh is lost', async () => {
    const { refreshToken, sessionId } = await startSignedIn();
    // A refresh that is under way on a replica whose connection is cut before its commit.
    const dying = new pg.Client({ connectionString: identity.database.adminUrl });
    await dying.connect();
    await dying.query('BEGIN');
    await dying.query('UPDATE identity.sessions SET refresh_counter = refresh_counter + 1 WHERE id = $1', [
      sessionId,
    ]);
    const waiting = refresh(replica, refreshToken);
    await waitFor(
      async () =>
        (
          await dying.query(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
          )
        ).rows.length > 0,
      { what: 'the refresh to wait for the row' },
    );
    await dying.end();
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect((await refresh(identity, answer.body.refresh_token)).status).toBe(200);
  });

  it('is not to be invented: changed, cut, of the future, of another secret, or nonsense', async () => {
    const { refreshToken, sessionId } = await startSignedIn();
    const bytes = Buffer.from(refreshToken, 'base64url');
    const counted = Buffer.from(bytes);
    counted.writeUInt32BE(7, 17);
    const forged = [
      counted.toString('base64url'),
      refreshToken.slice(0, -1),
      `${refreshToken}=`,
      `${refreshToken.slice(0, -1)}${refreshToken.endsWith('A') ? 'B' : 'A'}`,
      makeRefreshToken(identity.deps.secrets, { sessionId, counter: 9 }),
      makeRefreshToken(identity.deps.secrets, { sessionId: identity.deps.data.ids.next(), counter: 0 }),
      'nonsense',
      '../../etc/passwd',
    ];
    for (const token of forged) {
      const answer = await refresh(identity, token);
      expect(answer).toMatchObject({ status: 400, body: { error_code: 'refresh_token_not_found' } });
    }
    expect((await refresh(identity, refreshToken)).status).toBe(200);
  });

  it('of before a change of the encryption key is taken while the old key is configured', async () => {
    const { refreshToken } = await startSignedIn();
    const changed = await identity.startReplica({
      env: {
        IDENTITY_ENCRYPTION_KEY: 'a-new-encryption-key-of-enough-length-for-tests',
        IDENTITY_ENCRYPTION_KEY_PREVIOUS: 'an-encryption-key-of-enough-length-for-tests',
      },
    });
    const forgotten = await identity.startReplica({
      env: { IDENTITY_ENCRYPTION_KEY: 'a-new-encryption-key-of-enough-length-for-tests' },
    });
    expect((await refresh(forgotten, refreshToken)).body.error_code).toBe('refresh_token_not_found');
    expect((await refresh(changed, refreshToken)).status).toBe(200);
    await changed.close();
    await forgotten.close();
  });

  it('of a disabled user is not taken', async () => {
    const signedIn = await startSignedIn();
    await identity.rows('UPDATE identity.users SET disabled_at = now() WHERE id = $1', [
      signedIn.principal.user_id,
    ]);
    expect((await refresh(identity, signedIn.refreshToken)).body.error_code).toBe('refresh_token_not_found');
    await expect(check(signedIn)).resolves.toEqual({ ok: false, reason: 'disabled' });
  });
});

describe('sign-out', () => {
  it.each([
    ['local', [false, true]],
    ['others', [true, false]],
    ['global', [false, false]],
  ])('%s ends the sessions that it names', async (scope, open) => {
    const user = await identity.makeUser();
    const here = await identity.signIn(user);
    const there = await identity.signIn(user);
    const answer = await identity.call(here.principal, 'POST', `/auth/v1/logout?scope=${scope}`);
    expect(answer.status).toBe(204);
    for (const [index, session] of [here, there].entries()) {
      expect((await check(session)).ok).toBe(open[index]);
      const asked = await replica.call(session.principal, 'GET', '/auth/v1/user');
      expect(asked.body.error_code).toBe(open[index] ? undefined : 'session_not_found');
      expect((await refresh(replica, session.refreshToken)).status).toBe(open[index] ? 200 : 400);
    }
    // Whoever signs in again, even in the same second, is signed in.
    expect((await check(await identity.signIn(user))).ok).toBe(true);
  });

  it('takes no scope that it does not know, and no principal but a user', async () => {
    const { principal } = await startSignedIn();
    expect((await identity.call(principal, 'POST', '/auth/v1/logout?scope=all')).status).toBe(400);
    expect((await identity.call(anon, 'POST', '/auth/v1/logout')).status).toBe(401);
  });
});

describe('whether a session is open', () => {
  it('is known of external users by their sub, with what an administrator decided about them', async () => {
    const userId = identity.deps.data.ids.next();
    const ask = (issuedAt = clock.now(), role: 'user' | 'admin' = 'user') =>
      identity.bus.request(identityRpcs.checkSession, {
        origin: 'external',
        user_id: userId,
        session_id: null,
        issued_at: issuedAt.toISOString(),
        email: 'Elsewhere@Example.com',
        role,
      });
    // Many at once, on two replicas: one row.
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask()));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toEqual({ ok: true, email: 'elsewhere@example.com', role: 'user', business_id: null });
    const stamp = () =>
      identity.rows('SELECT updated_at, xmin::text FROM identity.users WHERE id = $1', [userId]);
    const [before] = await stamp();
    expect(await ask(clock.now(), 'admin')).toMatchObject({ ok: true, role: 'admin' });
    expect(await stamp()).toEqual([before]);

    await identity.rows("UPDATE identity.users SET role = 'agent', role_is_set = true WHERE id = $1", [
      userId,
    ]);
    expect(await ask(clock.now(), 'admin')).toMatchObject({ ok: true, role: 'agent' });
    const issuedAt = clock.now();
    const principal = {
      kind: 'user',
      user_id: userId,
      email: 'elsewhere@example.com',
      role: 'agent',
      business_id: null,
      session_id: null,
      origin: 'external',
    } as const;
    clock.advance(2);
    expect((await identity.call(principal, 'POST', '/auth/v1/logout')).status).toBe(204);
    expect(await ask(issuedAt)).toEqual({ ok: false, reason: 'signed_out' });
    clock.advance(2);
    expect(await ask()).toMatchObject({ ok: true });
    await identity.rows('UPDATE identity.users SET disabled_at = now() WHERE id = $1', [userId]);
    expect(await ask()).toEqual({ ok: false, reason: 'disabled' });
  });

  it('is no for a session of somebody else, of nobody, and for a local user under an external token', async () => {
    const mine = await startSignedIn();
    const other = await startSignedIn();
    const ask = (question: object) =>
      identity.bus.request(identityRpcs.checkSession, {
        origin: 'local',
        user_id: mine.principal.user_id,
        session_id: mine.sessionId,
        issued_at: clock.now().toISOString(),
        email: null,
        role: null,
        ...question,
      });
    expect(await ask({})).toMatchObject({ ok: true });
    expect(await ask({ session_id: other.sessionId })).toEqual({ ok: false, reason: 'unknown_session' });
    expect(await ask({ session_id: "' OR 1=1 --" })).toEqual({ ok: false, reason: 'unknown_session' });
    expect(await ask({ session_id: null })).toEqual({ ok: false, reason: 'unknown_session' });
    expect(await ask({ origin: 'external' })).toEqual({ ok: false, reason: 'unknown_user' });
    clock.advance(1);
    await identity.rows('UPDATE identity.users SET tokens_valid_from = $2 WHERE id = $1', [
      mine.principal.user_id,
      new Date(clock.now().getTime() + 5_000),
    ]);
    expect(await ask({})).toEqual({ ok: false, reason: 'signed_out' });
  });
});
