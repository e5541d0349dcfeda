import { createClient as createCurrent } from '@supabase/supabase-js';
import { waitFor } from '@switchboard/stack/testing';
import { createClient as createOlder } from 'supabase-js-2.50';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Mailbox, startMailbox } from './support/mailbox.ts';
import { type Platform, startPlatform } from './support/platform.ts';

/*
 * `@supabase/supabase-js` itself, the current one and 2.50, through the gateway: every call that a client of Supabase Auth
 * makes (spec: identity). What a person reads in a mail is read from a real mail server.
 */
let platform: Platform;
let mailbox: Mailbox;
beforeAll(async () => {
  mailbox = await startMailbox();
  platform = await startPlatform(
    {
      'identity-service': {
        SMTP_URL: mailbox.url,
        MAIL_PRINT: 'false',
        AUTH_REDIRECT_URLS: 'https://app.example.com/*',
      },
      // Sessions that end are asked about until they are over.
      gateway: { CREDENTIAL_REFUSALS_PER_MINUTE: '10000' },
    },
    { without: ['ai-service', 'webhook-dispatcher'] },
  );
}, 180_000);
afterAll(async () => {
  await platform?.stop();
  await mailbox?.stop();
});

type Client = ReturnType<typeof createCurrent>;
const PASSWORD = 'a-password-nobody-guesses';
const REDIRECT = 'https://app.example.com/welcome';

const clients: readonly (readonly [string, (url: string, key: string, options: object) => Client])[] = [
  ['the current supabase-js', (url, key, options) => createCurrent(url, key, options)],
  // Its types differ in places that no call here meets.
  ['supabase-js 2.50', (url, key, options) => createOlder(url, key, options) as unknown as Client],
];

describe.each(clients)('%s', (name, create) => {
  const client = (options: object = {}): Client =>
    create(platform.gatewayUrl, platform.anonKey, {
      auth: { persistSession: false, autoRefreshToken: false, ...options },
    });
  const emailOf = (who: string): string => `${who}-${name.replaceAll(/\W+/g, '-')}@example.com`;
  const signedUp = async (who: string, options: object = {}) => {
    const supabase = client(options);
    const email = emailOf(who);
    const { data, error } = await supabase.auth.signUp({
      email,
      password: PASSWORD,
      options: { data: { full_name: 'Dana Demo', role: 'super_admin' } },
    });
    if (error || !data.session) throw new Error(`sign-up failed: ${error?.message}`);
    return { supabase, email, session: data.session };
  };

  /** Of waiting with `isGood`: a user has 30 questions a minute, so it may have to go on in the next one. */
  const seldom = { intervalMs: 500, timeoutMs: 100_000 };
  /** Whether an access token still works; anything but a plain yes or no fails the test. */
  const isGood = async (token: string | undefined): Promise<boolean> => {
    const { error } = await client().auth.getUser(token);
    if (error && error.status !== 401) throw error;
    return error === null;
  };

  test('signUp gives a session at once, and what it sends never makes an administrator', async () => {
    const { supabase, email } = await signedUp('sign-up');
    const { data, error } = await supabase.auth.getUser();
    expect(error).toBeNull();
    expect(data.user).toMatchObject({
      email,
      aud: 'authenticated',
      role: 'authenticated',
      user_metadata: { full_name: 'Dana Demo' },
      app_metadata: { provider: 'email', providers: ['email'], role: 'user' },
    });
    const again = await client().auth.signUp({ email, password: PASSWORD });
    expect(again.error).toMatchObject({ status: 422, code: 'user_already_exists' });
    const weak = await client().auth.signUp({ email: emailOf('weak'), password: 'password' });
    expect(weak.error).toMatchObject({ name: 'AuthWeakPasswordError', status: 422, code: 'weak_password' });
  });

  test('signInWithPassword, getSession, getUser; wrong ones are told as Supabase tells them', async () => {
    const { email } = await signedUp('sign-in');
    const supabase = client();
    const { data, error } = await supabase.auth.signInWithPassword({ email, password: PASSWORD });
    expect(error).toBeNull();
    expect(data.session).toMatchObject({ token_type: 'bearer', expires_in: 3600 });
    const { data: kept } = await supabase.auth.getSession();
    expect(kept.session?.access_token).toBe(data.session?.access_token);
    expect((await supabase.auth.getUser()).data.user?.email).toBe(email);
    const wrong = await client().auth.signInWithPassword({ email, password: 'not-the-password' });
    expect(wrong.error).toMatchObject({
      status: 400,
      code: 'invalid_credentials',
      message: 'Invalid login credentials',
    });
    expect((await client().auth.getUser('not.a.token')).error).not.toBeNull();
  });

  test('refreshSession gives another pair; a spent refresh token ends the session', async () => {
    const { supabase, session } = await signedUp('refresh');
    const { data, error } = await supabase.auth.refreshSession();
    expect(error).toBeNull();
    expect(data.session?.refresh_token).not.toBe(session.refresh_token);
    const next = await supabase.auth.refreshSession();
    expect(next.error).toBeNull();
    const stolen = await client().auth.refreshSession({ refresh_token: session.refresh_token });
    expect(stolen.error).toMatchObject({ status: 400, code: 'refresh_token_already_used' });
    expect((await supabase.auth.refreshSession()).error).not.toBeNull();
    const { access_token = '' } = next.data.session ?? {};
    await waitFor(async () => (await isGood(access_token)) === false, {
      what: 'the access token of the ended session to be refused',
      ...seldom,
    });
  }, 150_000);

  test('updateUser changes data and password; the old password is over', async () => {
    const { supabase, email } = await signedUp('update');
    const changed = await supabase.auth.updateUser({ data: { theme: 'dark' } });
    expect(changed.data.user?.user_metadata).toMatchObject({ full_name: 'Dana Demo', theme: 'dark' });
    const same = await supabase.auth.updateUser({ password: PASSWORD });
    expect(same.error).toMatchObject({ status: 422, code: 'same_password' });
    expect((await supabase.auth.updateUser({ password: 'another-good-password' })).error).toBeNull();
    expect((await supabase.auth.getUser()).error).toBeNull();
    expect((await client().auth.signInWithPassword({ email, password: PASSWORD })).error).not.toBeNull();
    const signedIn = await client().auth.signInWithPassword({ email, password: 'another-good-password' });
    expect(signedIn.error).toBeNull();
  });

  test('resetPasswordForEmail sends a mail whose code verifyOtp takes, once', async () => {
    const { email } = await signedUp('reset');
    const supabase = client();
    const asked = await supabase.auth.resetPasswordForEmail(email, { redirectTo: REDIRECT });
    expect(asked).toMatchObject({ error: null });
    const mail = await mailbox.next(email);
    const [code = ''] = /\b\d{6}\b/.exec(mail.text) ?? [];
    const verified = await supabase.auth.verifyOtp({ email, token: code, type: 'recovery' });
    expect(verified.error).toBeNull();
    expect(verified.data.user?.email).toBe(email);
    expect((await supabase.auth.updateUser({ password: 'a-password-after-reset' })).error).toBeNull();
    const twice = await client().auth.verifyOtp({ email, token: code, type: 'recovery' });
    expect(twice.error).toMatchObject({ status: 403, code: 'otp_expired' });
    const unknown = await client().auth.resetPasswordForEmail(emailOf('nobody'), { redirectTo: REDIRECT });
    expect(unknown).toMatchObject({ error: null });
  });

  test('the link of a mail leads back to the app, with a session or, by PKCE, with a code for it', async () => {
    const { email } = await signedUp('link');
    const implicit = client({ flowType: 'implicit' });
    await implicit.auth.resetPasswordForEmail(email, { redirectTo: REDIRECT });
    const follow = async () => {
      const [link = ''] = /https?:\/\/\S+/.exec((await mailbox.next(email)).text) ?? [];
      const answer = await fetch(link.replace(/^https?:\/\/[^/]+/, platform.gatewayUrl), {
        redirect: 'manual',
      });
      return new URL(answer.headers.get('location') ?? '');
    };
    const withSession = await follow();
    expect(withSession.origin + withSession.pathname).toBe(REDIRECT);
    const fragment = new URLSearchParams(withSession.hash.slice(1));
    expect(fragment.get('type')).toBe('recovery');
    const { data } = await client().auth.getUser(fragment.get('access_token') ?? '');
    expect(data.user?.email).toBe(email);

    const stored = new Map<string, string>();
    const pkce = client({
      flowType: 'pkce',
      persistSession: true,
      storage: {
        getItem: (key: string) => stored.get(key) ?? null,
        setItem: (key: string, value: string) => void stored.set(key, value),
        removeItem: (key: string) => void stored.delete(key),
      },
    });
    await pkce.auth.resetPasswordForEmail(email, { redirectTo: REDIRECT });
    const withCode = await follow();
    const exchanged = await pkce.auth.exchangeCodeForSession(withCode.searchParams.get('code') ?? '');
    expect(exchanged.error).toBeNull();
    expect(exchanged.data.session?.user.email).toBe(email);
  });

  test('signInWithOAuth leads to this gateway; a provider that is not set up is refused in words', async () => {
    const { data, error } = await client().auth.signInWithOAuth({
      provider: 'google',
      options: { redirectTo: REDIRECT, skipBrowserRedirect: true },
    });
    expect(error).toBeNull();
    expect(data.url).toContain(`${platform.gatewayUrl}/auth/v1/authorize?provider=google`);
    const answer = await fetch(data.url ?? '', { redirect: 'manual' });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error_code: 'validation_failed', msg: 'Unsupported provider: provider is not enabled' },
    ]);
  });

  test.each(['local', 'global', 'others'] as const)(
    'signOut %s ends what it says, and nothing else',
    async (scope) => {
      const { supabase: here, email, session } = await signedUp(`sign-out-${scope}`);
      const there = client();
      const second = await there.auth.signInWithPassword({ email, password: PASSWORD });
      expect((await here.auth.signOut({ scope })).error).toBeNull();
      const expected = { local: [false, true], global: [false, false], others: [true, false] }[scope];
      await waitFor(
        async () => {
          const found = [await isGood(session.access_token), await isGood(second.data.session?.access_token)];
          return found.join() === expected.join();
        },
        { what: `sessions that work to be ${expected.join()} after signing out ${scope}`, ...seldom },
      );
    },
    150_000,
  );

  test('functions.invoke calls a function of ours with the headers of supabase-js', async () => {
    const { token } = await platform.createIntegrationToken();
    const { data, error } = await client().functions.invoke('integration-tickets', {
      method: 'GET',
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(error).toBeNull();
    expect(data).toMatchObject({ status: 'ok' });
    const refused = await client().functions.invoke('integration-tickets', { method: 'GET' });
    expect(refused.error?.context.status).toBe(401);
  });
});

test('a page on another origin may call it: CORS allows every header that supabase-js sends', async () => {
  const answer = await fetch(`${platform.gatewayUrl}/auth/v1/token?grant_type=password`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers':
        'apikey,authorization,content-type,x-client-info,x-supabase-api-version',
    },
  });
  expect(answer.status).toBe(204);
  const allowed = answer.headers.get('access-control-allow-headers')?.toLowerCase() ?? '';
  for (const header of ['apikey', 'authorization', 'x-client-info', 'x-supabase-api-version']) {
    expect(allowed).toContain(header);
  }
});
