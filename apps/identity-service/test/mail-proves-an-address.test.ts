import { createHash, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { createManualClock } from '@switchboard/contracts';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMailer, type Mailer } from '../src/domain/mail/mailer.ts';
import { sendWaitingMail } from '../src/domain/mail/send-waiting-mail.ts';
import {
  type Answer,
  anon,
  GOOD_PASSWORD,
  startTestIdentity,
  type TestIdentity,
} from './support/identity.ts';

const clock = createManualClock('2026-11-25T10:00:00.000Z');
const APP = 'https://app.example.com/auth';

/** What the mail server does with the next mails. */
let mood: 'takes' | 'is busy' | 'refuses' = 'takes';
let inbox: { readonly to: string; readonly source: string }[] = [];

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  onRcptTo(_address, _session, done) {
    const words = { 'is busy': [451, 'come back later'], refuses: [550, 'no such mailbox'] } as const;
    if (mood === 'takes') return done();
    const [responseCode, message] = words[mood];
    done(Object.assign(new Error(message), { responseCode }));
  },
  onData(stream, session, done) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      inbox.push({
        to: session.envelope.rcptTo.map((each) => each.address).join(),
        source: Buffer.concat(chunks).toString(),
      });
      done();
    });
  },
});

let identity: TestIdentity;
let mailer: Mailer;

beforeAll(async () => {
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  const { port } = smtp.server.address() as AddressInfo;
  identity = await startTestIdentity({
    clock,
    env: {
      SMTP_URL: `smtp://127.0.0.1:${port}`,
      MAIL_FROM: 'Switchboard <hello@example.com>',
      AUTH_REQUIRE_EMAIL_CONFIRMATION: 'true',
      AUTH_REDIRECT_URLS: APP,
    },
  });
  mailer = createMailer(identity.deps.config, identity.deps.data.log);
});
afterAll(async () => {
  mailer.close();
  await identity.close();
  await new Promise<void>((resolve) => smtp.close(() => resolve()));
});
beforeEach(() => {
  mood = 'takes';
  inbox = [];
});

const deliver = () => sendWaitingMail(identity.deps, mailer);

/** Link and code of a mail that arrived, as a person would see them. */
const read = (mail: { readonly source: string } | undefined) => {
  const text = (mail?.source ?? '').replace(/=\r\n/g, '').replaceAll('=3D', '=');
  const link = new URL(/http\S+verify\?\S+/.exec(text)?.[0] ?? 'about:blank');
  return { link, path: `${link.pathname}${link.search}`, code: /code: (\d{6})/.exec(text)?.[1] ?? '' };
};
const recover = (email: string, body: object = {}, to = APP): Promise<Answer> =>
  identity.call(anon, 'POST', `/auth/v1/recover?redirect_to=${encodeURIComponent(to)}`, {
    body: { email, ...body },
  });
const follow = async (path: string) => {
  const answer = await identity.call(null, 'GET', path);
  expect(answer.status).toBe(303);
  const location = new URL(String(answer.headers.location));
  return { location, fragment: new URLSearchParams(location.hash.slice(1)), query: location.searchParams };
};
const verify = (body: object) => identity.call(anon, 'POST', '/auth/v1/verify', { body });
const mailed = async (email: string, body: object = {}, to = APP) => {
  await recover(email, body, to);
  await deliver();
  return read(inbox.at(-1));
};
const rowOf = async (email: string) =>
  (
    await identity.rows(
      'SELECT * FROM identity.mail WHERE to_email = $1 ORDER BY created_at DESC, id DESC LIMIT 1',
      [email],
    )
  )[0];

describe('a link', () => {
  it('confirms an address and signs in', async () => {
    const email = 'newcomer@example.com';
    const signedUp = await identity.call(
      anon,
      'POST',
      `/auth/v1/signup?redirect_to=${encodeURIComponent(APP)}`,
      {
        body: { email, password: GOOD_PASSWORD },
      },
    );
    expect(signedUp.body.confirmation_sent_at).toBe(clock.now().toISOString());
    expect(await deliver()).toBe(1);
    expect(inbox[0]?.to).toBe(email);
    expect(inbox[0]?.source).toContain('From: Switchboard <hello@example.com>');
    const { location, fragment } = await follow(read(inbox[0]).path);
    expect(location.href.startsWith(`${APP}#`)).toBe(true);
    expect(Object.fromEntries(fragment)).toMatchObject({
      token_type: 'bearer',
      expires_in: '3600',
      type: 'signup',
    });
    expect(fragment.get('refresh_token')).toMatch(/^[\w-]{60}$/);
    const { body } = await identity.signIn({ email, password: GOOD_PASSWORD });
    expect(body.user.email_confirmed_at).toBe(clock.now().toISOString());
    expect(body.user.identities[0].identity_data.email_verified).toBe(true);
  });

  it('recovers an account once, and within an hour', async () => {
    const user = await identity.makeUser();
    const first = await mailed(user.email);
    // A scanner of mails that asks for the head alone does not use it up.
    const head = await identity.app.inject({ method: 'HEAD', url: first.path });
    expect([head.statusCode, head.headers.location]).toEqual([303, APP]);
    const { fragment } = await follow(first.path);
    expect(fragment.get('type')).toBe('recovery');
    const again = await follow(first.path);
    const failure = {
      error: 'access_denied',
      error_code: 'otp_expired',
      error_description: 'Email link is invalid or has expired',
    };
    expect(Object.fromEntries(again.query)).toEqual(failure);
    expect(Object.fromEntries(again.fragment)).toEqual(failure);
    const late = await mailed(user.email);
    clock.advance(3601);
    expect((await follow(late.path)).query.get('error_code')).toBe('otp_expired');
  });

  it('that confirms an address makes no password good that somebody else chose meanwhile', async () => {
    const signUp = async (email: string, password: string) => {
      await identity.call(anon, 'POST', '/auth/v1/signup', { body: { email, password } });
      await deliver();
      return read(inbox.at(-1)).path;
    };
    const strangers = 'a-Password-of-Mallory';
    await signUp('ada@example.com', GOOD_PASSWORD);
    const { fragment } = await follow(await signUp('ada@example.com', strangers));
    expect(fragment.get('type')).toBe('signup');
    for (const password of [strangers, GOOD_PASSWORD]) {
      const signIn = identity.signIn({ email: 'ada@example.com', password });
      await expect(signIn).rejects.toThrow('invalid_credentials');
    }
    // Who sends the form twice keeps the password.
    await signUp('grace@example.com', GOOD_PASSWORD);
    await follow(await signUp('grace@example.com', GOOD_PASSWORD));
    const { body } = await identity.signIn({ email: 'grace@example.com', password: GOOD_PASSWORD });
    expect(body.user.email).toBe('grace@example.com');
  });

  it('of who recovers an address that was never proven shuts out whoever made the account', async () => {
    const squatter = await identity.makeUser();
    const session = await identity.signIn(squatter);
    await identity.owner.query(
      `INSERT INTO identity.user_identities (id, user_id, provider, provider_id, identity_data, created_at, updated_at)
       VALUES (gen_random_uuid(), $1, 'google', 'squatter', '{}', now(), now())`,
      [squatter.id],
    );
    await follow((await mailed(squatter.email)).path);
    await expect(identity.signIn(squatter)).rejects.toThrow('invalid_credentials');
    const refreshed = await identity.call(anon, 'POST', '/auth/v1/token?grant_type=refresh_token', {
      body: { refresh_token: session.body.refresh_token },
    });
    expect(refreshed.body.error_code).toBe('refresh_token_not_found');
    const left = await identity.rows('SELECT provider FROM identity.user_identities WHERE user_id = $1', [
      squatter.id,
    ]);
    expect(left.map(({ provider }) => provider)).toEqual(['email']);

    // From then on it is proven: who has a link mailed again, and does not choose another password, keeps this one.
    const hash = await identity.deps.hashing.hash(GOOD_PASSWORD);
    await identity.owner.query('UPDATE identity.users SET password_hash = $2 WHERE id = $1', [
      squatter.id,
      hash,
    ]);
    await follow((await mailed(squatter.email)).path);
    const { body } = await identity.signIn({ ...squatter, password: GOOD_PASSWORD });
    expect(body.user.id).toBe(squatter.id);
  });

  it('is void when another one was asked for, and when the password was changed', async () => {
    const user = await identity.makeUser();
    const first = await mailed(user.email);
    const second = await mailed(user.email);
    expect((await follow(first.path)).query.get('error_code')).toBe('otp_expired');
    const { principal } = await identity.signIn(user);
    await identity.call(principal, 'PUT', '/auth/v1/user', {
      body: { password: 'another-Password-of-mine' },
    });
    expect((await follow(second.path)).query.get('error_code')).toBe('otp_expired');
  });

  it('gives a client that uses PKCE a code, which is good once and with its verifier alone', async () => {
    const user = await identity.makeUser();
    const verifier = randomBytes(56).toString('hex');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const begin = async () => {
      const pkce = { code_challenge: challenge, code_challenge_method: 's256' };
      const { location, query } = await follow((await mailed(user.email, pkce)).path);
      expect(location.hash).toBe('');
      return query.get('code') ?? '';
    };
    const exchange = (code: string, code_verifier: string) =>
      identity.call(anon, 'POST', '/auth/v1/token?grant_type=pkce', {
        body: { auth_code: code, code_verifier },
      });
    const code = await begin();
    const session = await exchange(code, verifier);
    expect(session).toMatchObject({ status: 200, body: { user: { id: user.id } } });
    expect((await exchange(code, verifier)).body.error_code).toBe('flow_state_not_found');

    const guessed = await begin();
    expect((await exchange(guessed, 'a'.repeat(64))).body.error_code).toBe('bad_code_verifier');
    expect((await exchange(guessed, verifier)).body.error_code).toBe('flow_state_not_found');
    const late = await begin();
    clock.advance(301);
    expect((await exchange(late, verifier)).body.error_code).toBe('flow_state_not_found');
  });

  it('leads home when it would lead somewhere that is not allowed', async () => {
    const user = await identity.makeUser();
    const { path } = await mailed(user.email, {}, 'https://evil.example/phish');
    expect((await follow(path)).location.origin).toBe('http://localhost:3000');
    const other = await mailed(user.email);
    const tampered = other.path.replace(/redirect_to=[^&]*/, 'redirect_to=https%3A%2F%2Fevil.example');
    expect((await follow(tampered)).location.origin).toBe('http://localhost:3000');
  });

  it('to a new address changes it, and the old one is told', async () => {
    const user = await identity.makeUser();
    const taken = await identity.makeUser();
    const { principal } = await identity.signIn(user);
    const put = (email: string) => identity.call(principal, 'PUT', '/auth/v1/user', { body: { email } });
    // The same answer for an address that somebody has; but nothing is sent there.
    const refused = await put(taken.email);
    const asked = await put('moved@example.com');
    expect([refused.status, asked.status]).toEqual([200, 200]);
    expect([refused.body.email, asked.body.email]).toEqual([user.email, user.email]);
    expect(asked.body.new_email).toBe('moved@example.com');
    await deliver();
    expect(inbox.map((mail) => mail.to).toSorted()).toEqual(
      ['moved@example.com', user.email, user.email].toSorted(),
    );
    const link = read(inbox.find((mail) => mail.to === 'moved@example.com'));
    expect((await follow(link.path)).fragment.get('type')).toBe('email_change');
    const moved = await identity.signIn({ email: 'moved@example.com', password: user.password });
    expect(moved.body.user).toMatchObject({ id: user.id, email: 'moved@example.com' });
  });
});

describe('an address', () => {
  it('that two users want at the same moment is one of theirs', async () => {
    const email = 'wanted@example.com';
    const paths: string[] = [];
    for (const user of [await identity.makeUser(), await identity.makeUser()]) {
      const { principal } = await identity.signIn(user);
      await identity.call(principal, 'PUT', '/auth/v1/user', { body: { email } });
      await deliver();
      paths.push(read(inbox.findLast((mail) => mail.to === email)).path);
    }
    const outcomes = await Promise.all(paths.map(follow));
    expect(outcomes.map(({ query }) => query.get('error_code')).toSorted()).toEqual(['email_exists', null]);
    expect(await identity.rows('SELECT 1 FROM identity.users WHERE email = $1', [email])).toHaveLength(1);
  });
});

describe('six digits', () => {
  it('do what the link does', async () => {
    const user = await identity.makeUser();
    const { code } = await mailed(user.email);
    const answer = await verify({ type: 'recovery', email: user.email.toUpperCase(), token: code });
    expect(answer).toMatchObject({ status: 200, body: { user: { id: user.id } } });
    expect((await verify({ type: 'recovery', email: user.email, token: code })).status).toBe(403);
  });

  it('are void after ten wrong guesses, many at once too and though asked for again; the link is not', async () => {
    const user = await identity.makeUser();
    const { code } = await mailed(user.email);
    const wrong = code === '000000' ? '000001' : '000000';
    const guesses = await Promise.all(
      Array.from({ length: 12 }, () => verify({ type: 'recovery', email: user.email, token: wrong })),
    );
    expect(new Set(guesses.map((guess) => guess.body.error_code))).toEqual(new Set(['otp_expired']));
    expect((await verify({ type: 'recovery', email: user.email, token: code })).status).toBe(403);
    const again = await mailed(user.email);
    expect((await verify({ type: 'recovery', email: user.email, token: again.code })).status).toBe(403);
    const token_hash = again.link.searchParams.get('token');
    expect((await verify({ type: 'signup', token_hash })).status).toBe(403);
    expect((await verify({ type: 'recovery', token_hash })).status).toBe(200);
  });

  it('of an address that nobody has are as wrong as any', async () => {
    const known = await identity.makeUser();
    await recover(known.email);
    const answers = await Promise.all(
      [known.email, 'nobody@example.com'].map((email) =>
        verify({ type: 'recovery', email, token: '12345x' }),
      ),
    );
    expect(answers[0]?.body).toEqual(answers[1]?.body);
    expect(answers[0]).toMatchObject({ status: 403, body: { error_code: 'otp_expired' } });
  });
});

describe('a mail', () => {
  it('is sealed until it is sent, and its text is gone after', async () => {
    const user = await identity.makeUser();
    await recover(user.email);
    const waiting = await rowOf(user.email);
    expect(waiting.text_encrypted).toMatch(/^v1\./);
    expect(JSON.stringify(waiting)).not.toContain('verify?token');
    await deliver();
    expect(await rowOf(user.email)).toMatchObject({ text_encrypted: null, error: null, attempts: 1 });
  });

  it('for nobody is dropped', async () => {
    await recover('nobody-home@example.com');
    expect(await deliver()).toBe(0);
    expect(await rowOf('nobody-home@example.com')).toBeUndefined();
    expect(inbox).toEqual([]);
  });

  it('is sent once by two replicas', async () => {
    const users = await Promise.all([1, 2, 3, 4, 5, 6].map(() => identity.makeUser()));
    for (const { email } of users) await recover(email);
    const sent = await Promise.all([deliver(), deliver(), deliver()]);
    expect(sent.reduce((sum, each) => sum + each, 0)).toBe(6);
    expect(inbox.map((mail) => mail.to).toSorted()).toEqual(users.map((user) => user.email).toSorted());
  });

  it('that a dead replica had is sent by another', async () => {
    const { email } = await identity.makeUser();
    await recover(email);
    await identity.rows('UPDATE identity.mail SET attempts = 1, next_attempt_at = $2 WHERE to_email = $1', [
      email,
      new Date(clock.now().getTime() + 120_000),
    ]);
    expect(await deliver()).toBe(0);
    clock.advance(121);
    expect(await deliver()).toBe(1);
  });

  it('that a server says nothing to does not hold up a restart, and is sent after it', async () => {
    const { email } = await identity.makeUser();
    await recover(email);
    const stopping = new AbortController();
    // Takes the connection, and the service is stopped at that moment.
    const silent = createServer((socket) => {
      socket.on('error', () => {});
      stopping.abort();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const smtpUrl = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { config, data } = identity.deps;
    const unanswered = createMailer({ mail: { ...config.mail, smtpUrl } }, data.log);
    try {
      expect(await sendWaitingMail(identity.deps, unanswered, stopping.signal)).toBe(0);
    } finally {
      unanswered.close();
      silent.close();
    }
    const { error, sent_at, failed_at } = await rowOf(email);
    expect({ error, sent_at, failed_at }).toEqual({
      error: 'The service stopped before the mail server answered',
      sent_at: null,
      failed_at: null,
    });
    clock.advance(10);
    expect(await deliver()).toBe(1);
    expect(inbox.map(({ to }) => to)).toEqual([email]);
  });

  it('waits when the server is busy, and is given up when it says no', async () => {
    const { email } = await identity.makeUser();
    await recover(email);
    mood = 'is busy';
    expect(await deliver()).toBe(0);
    const waiting = await rowOf(email);
    expect(waiting).toMatchObject({ sent_at: null, failed_at: null });
    expect(waiting.error).toContain('come back later');
    expect(waiting.next_attempt_at > clock.now()).toBe(true);
    expect(await deliver()).toBe(0);
    clock.advance(10);
    mood = 'refuses';
    await deliver();
    const failed = await rowOf(email);
    expect(failed.failed_at).not.toBeNull();
    expect(failed.error).toContain('no such mailbox');
    expect(failed.text_encrypted).toBeNull();
  });

  it('comes ten times an hour at most, whoever asks', async () => {
    const { email } = await identity.makeUser();
    for (let i = 0; i < 13; i += 1) expect((await recover(email)).status).toBe(200);
    await deliver();
    expect(inbox).toHaveLength(10);
    clock.advance(3601);
    await recover(email);
    expect(await deliver()).toBe(1);
  });

  it('is printed, or given up with a reason, where there is no server', async () => {
    const lines: { readonly details: object; readonly message: string }[] = [];
    const log = {
      ...identity.deps.data.log,
      info: (details: object, message: string) => void lines.push({ details, message }),
    };
    const { mail } = identity.deps.config;
    const printed = await identity.makeUser();
    await recover(printed.email);
    const printing = createMailer({ mail: { ...mail, print: true } }, log);
    expect(await sendWaitingMail(identity.deps, printing)).toBe(1);
    expect(lines[0]?.details).toMatchObject({ to: printed.email, subject: 'Choose a new password' });
    expect(JSON.stringify(lines[0])).toContain('/auth/v1/verify?token=');

    const lost = await identity.makeUser();
    await recover(lost.email);
    const none = createMailer({ mail: { ...mail, smtpUrl: undefined } }, log);
    expect(await sendWaitingMail(identity.deps, none)).toBe(0);
    expect(await rowOf(lost.email)).toMatchObject({
      error: 'No mail server is configured: set SMTP_URL',
      text_encrypted: null,
    });
  });
});
