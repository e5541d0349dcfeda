import { setTimeout as pause } from 'node:timers/promises';
import { hashKey } from '@switchboard/contracts';
import { type AnyJson, waitFor } from '@switchboard/stack/testing';
import { afterEach, expect, test } from 'vitest';
import { crashSeed, killsOfEach } from './support/crash-settings.ts';
import { type Mailbox, startMailbox } from './support/mailbox.ts';
import { type Platform, startPlatform } from './support/platform.ts';
import { createRandom } from './support/random.ts';

/*
 * People sign in and administrators act while every part is killed: what was answered is so, once; what was not answered
 * can be asked again and happens once; nobody's refresh token works twice; no mail is lost.
 */

const SEED = crashSeed(20260301);
const KILLS = {
  'identity-service': killsOfEach(2),
  'ticket-service': killsOfEach(1),
  'partner-service': killsOfEach(1),
  gateway: killsOfEach(1),
  nats: killsOfEach(1),
  postgres: killsOfEach(1),
};
type Victim = keyof typeof KILLS;
const PEOPLE = 4;
const PASSWORD = 'a-password-of-people-who-meet-crashes';
/** Past the seconds in which the refresh token of before still gives the present one again. */
const GRACE_MS = 10_000;

let platform: Platform | undefined;
let mailbox: Mailbox | undefined;
afterEach(async () => {
  await platform?.stop();
  await mailbox?.stop();
});

interface Answer {
  readonly status: number;
  readonly body: AnyJson;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

const send = async (
  running: Platform,
  { method, path, headers = {}, body }: Request,
): Promise<Answer | null> => {
  try {
    const response = await fetch(running.gatewayUrl + path, {
      method,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  } catch {
    return null;
  }
};

/** What a careful client does: the same request again until there is an answer that says yes or no. */
const insist = (running: Platform, request: Request): Promise<Answer> =>
  waitFor(
    async () => {
      const answer = await send(running, request);
      return answer === null || answer.status >= 500 || answer.status === 429 ? undefined : answer;
    },
    // Longer than the minute for which a limit refuses whoever asks again and again.
    { what: `${request.method} ${request.path} to be answered`, timeoutMs: 150_000, intervalMs: 100 },
  );

interface Session {
  readonly email: string;
  readonly sessionId: string;
  accessToken: string;
  /** Newest last. */
  readonly refreshTokens: string[];
  refreshedAtMs: number;
  /** Somebody was told that it is over. */
  ended: boolean;
}

interface People {
  readonly emails: Set<string>;
  readonly sessions: Session[];
  /** Addresses that were told to look for a mail. */
  readonly mailed: Set<string>;
  /** What a refresh token was exchanged for, by each answer. */
  readonly exchanged: Map<string, Set<string>>;
}

const sessionIdOf = (accessToken: string): string =>
  JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()).session_id;

const startPeople = (running: Platform) => {
  const anon = { apikey: running.anonKey };
  const people: People = {
    emails: new Set(),
    sessions: [],
    mailed: new Set(),
    exchanged: new Map(),
  };

  const grant = (type: string, body: object): Request => ({
    method: 'POST',
    path: `/auth/v1/token?grant_type=${type}`,
    headers: anon,
    body,
  });

  const sessionOf = (email: string, body: { access_token: string; refresh_token: string }): Session => {
    const session = {
      email,
      sessionId: sessionIdOf(body.access_token),
      accessToken: body.access_token,
      refreshTokens: [body.refresh_token],
      refreshedAtMs: Date.now(),
      ended: false,
    };
    people.sessions.push(session);
    return session;
  };

  const signUp = async (email: string): Promise<Session> => {
    const made = await insist(running, {
      method: 'POST',
      path: '/auth/v1/signup',
      headers: anon,
      body: { email, password: PASSWORD },
    });
    people.emails.add(email);
    if (made.status === 200) return sessionOf(email, made.body);
    // The answer to an earlier try was lost: the user is there, and has that password.
    expect(made, email).toMatchObject({ status: 422, body: { error_code: 'user_already_exists' } });
    const signedIn = await insist(running, grant('password', { email, password: PASSWORD }));
    expect(signedIn.status, JSON.stringify(signedIn.body)).toBe(200);
    return sessionOf(email, signedIn.body);
  };

  /** Two tabs at once, each until it is answered. False: the session is over, and both were told so. */
  const refresh = async (session: Session): Promise<boolean> => {
    const presented = session.refreshTokens.at(-1) ?? '';
    const beganMs = Date.now();
    const request = grant('refresh_token', { refresh_token: presented });
    const answers = await Promise.all([insist(running, request), insist(running, request)]);
    const good = answers.filter(({ status }) => status === 200);
    const given = new Set(good.map(({ body }) => body.refresh_token as string));
    people.exchanged.set(presented, given);
    if (good.length < answers.length) {
      const refused = answers.find(({ status }) => status !== 200);
      // Only after the seconds of grace, when one answer was lost for so long.
      expect(Date.now() - beganMs, JSON.stringify(refused)).toBeGreaterThan(GRACE_MS - 500);
      expect(refused).toMatchObject({ status: 400, body: { error_code: 'refresh_token_already_used' } });
      session.ended = true;
      return false;
    }
    session.refreshTokens.push(...given);
    session.accessToken = good[0]?.body.access_token;
    session.refreshedAtMs = Date.now();
    return true;
  };

  const signOut = async (session: Session): Promise<void> => {
    const answer = await insist(running, {
      method: 'POST',
      path: '/auth/v1/logout?scope=local',
      headers: { ...anon, authorization: `Bearer ${session.accessToken}` },
    });
    // 401: an earlier try ended it, and the gateway knows.
    expect([204, 401], JSON.stringify(answer.body)).toContain(answer.status);
    session.ended = true;
  };

  const recover = async (email: string): Promise<void> => {
    const answer = await insist(running, {
      method: 'POST',
      path: '/auth/v1/recover',
      headers: anon,
      body: { email },
    });
    expect(answer.status).toBe(200);
    people.mailed.add(email);
  };

  return {
    people,
    async live(name: string): Promise<void> {
      const session = await signUp(`${name}@example.com`);
      let isOpen = true;
      for (let times = 0; times < 3 && isOpen; times += 1) isOpen = await refresh(session);
      await recover(session.email);
      if (isOpen && people.sessions.length % 2 === 0) await signOut(session);
    },
    grant,
  };
};

interface Act {
  readonly service: string;
  readonly action: string;
  readonly targetId: string;
}

interface Made {
  readonly keys: { readonly id: string; readonly keyHash: string; readonly secretHash: string }[];
  readonly partnerKeys: { readonly id: string; readonly keyHash: string; readonly secretHash: string }[];
  readonly tokens: { readonly id: string; readonly hash: string }[];
  readonly users: { readonly id: string; readonly email: string }[];
}

const startAdministrator = (running: Platform, accessToken: string) => {
  const acts: Act[] = [];
  const made: Made = { keys: [], partnerKeys: [], tokens: [], users: [] };
  let asked = 0;

  const act = async (path: string, body?: object, key?: string): Promise<Answer['body']> => {
    const answer = await insist(running, {
      method: 'POST',
      path: `/api/admin/v1${path}`,
      headers: {
        authorization: `Bearer ${accessToken}`,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body ? { body } : {}),
    });
    expect([200, 201, 204], `${path}: ${JSON.stringify(answer.body)}`).toContain(answer.status);
    return answer.body;
  };

  /** Asks twice with one idempotency key: the second answer is the first one, secrets and all. */
  const actOnce = async (path: string, body: object): Promise<Answer['body']> => {
    asked += 1;
    const key = `crash-${SEED}-${asked}`;
    const [first, second] = await Promise.all([act(path, body, key), act(path, body, key)]);
    expect(second).toEqual(first);
    return first;
  };

  const note = (service: string, action: string, targetId: string) =>
    acts.push({ service, action, targetId });

  const apiKey = async (name: string) => {
    const { id, api_key, api_secret } = await actOnce('/api-keys', { name });
    note('identity-service', 'api_key.create', id);
    const rotated = await actOnce(`/api-keys/${id}/rotate`, { overlap_seconds: 60 });
    note('identity-service', 'api_key.rotate', id);
    expect(rotated.api_secret).not.toBe(api_secret);
    made.keys.push({ id, keyHash: hashKey(api_key), secretHash: hashKey(rotated.api_secret) });
    await act(`/api-keys/${id}/revoke`);
    note('identity-service', 'api_key.revoke', id);
  };
  const partnerKey = async (name: string) => {
    const body = { partner_name: name, environment: 'sandbox' };
    const { id, api_key } = await actOnce('/partner-keys', body);
    note('partner-service', 'partner_key.create', id);
    const rotated = await actOnce(`/partner-keys/${id}/rotate`, { overlap_seconds: 60 });
    note('partner-service', 'partner_key.rotate', id);
    made.partnerKeys.push({ id, keyHash: hashKey(api_key), secretHash: hashKey(rotated.api_secret) });
    await act(`/partner-keys/${id}/revoke`);
    note('partner-service', 'partner_key.revoke', id);
  };
  const token = async (name: string) => {
    const { id } = await actOnce('/integration-tokens', { name });
    note('ticket-service', 'integration_token.create', id);
    const regenerated = await actOnce(`/integration-tokens/${id}/regenerate`, { overlap_seconds: 60 });
    note('ticket-service', 'integration_token.regenerate', id);
    made.tokens.push({ id, hash: hashKey(regenerated.token) });
    await act(`/integration-tokens/${id}/disable`);
    note('ticket-service', 'integration_token.disable', id);
    await act(`/integration-tokens/${id}/revoke`);
    note('ticket-service', 'integration_token.revoke', id);
  };
  const user = async (name: string) => {
    const email = `${name}@example.com`;
    const { id } = await actOnce('/users', { email, password: PASSWORD });
    note('identity-service', 'user.create', id);
    await act(`/users/${id}/disable`);
    note('identity-service', 'user.disable', id);
    made.users.push({ id, email });
  };
  const signingKey = async () => {
    const { kid } = await actOnce('/signing-keys/rotate', { immediately: true });
    note('identity-service', 'signing_key.rotate', kid);
  };

  return {
    acts,
    made,
    async work(round: number): Promise<void> {
      const name = `round-${round}`;
      await Promise.all([apiKey(name), partnerKey(name), token(name), user(name)]);
      if (round % 3 === 0) await signingKey();
    },
  };
};

const killEverything = async (running: Platform): Promise<number> => {
  const random = createRandom(SEED);
  const victims = random.shuffle(
    (Object.keys(KILLS) as Victim[]).flatMap((name) => Array.from({ length: KILLS[name] }, () => name)),
  );
  for (const victim of victims) {
    await pause(random.between(100, 900));
    const part =
      victim === 'nats' ? running.nats : victim === 'postgres' ? running.postgres : running.services[victim];
    await part.kill();
    await pause(random.between(20, 700));
    await part.restart();
    if ('waitReady' in part) await part.waitReady(60_000);
  }
  return victims.length;
};

const expectOutboxesEmpty = async (running: Platform) => {
  for (const schema of ['identity', 'partner', 'tickets']) {
    await waitFor(
      async () => {
        const [row] = await running.query<{ waiting: string }>(
          `select count(*) as waiting from ${schema}.outbox where published_at is null`,
        );
        return row?.waiting === '0';
      },
      { what: `the outbox of ${schema} to be empty`, timeoutMs: 120_000 },
    );
  }
};

/** Every act that was answered is on record once, and nothing else is. */
const expectEveryActOnRecordOnce = async (running: Platform, acts: readonly Act[]) => {
  const inOrder = (all: readonly Act[]) =>
    all.map(({ service, action, targetId }) => `${service} ${action} ${targetId}`).toSorted();
  const read = () =>
    running.query<{ service: string; action: string; targetId: string }>(
      'select service, action, target_id as "targetId" from identity.audit_log where actor_user_id is not null',
    );
  await waitFor(async () => (await read()).length >= acts.length, {
    // What somebody died with comes again after half a minute.
    what: `${acts.length} acts to be on record`,
    timeoutMs: 120_000,
  });
  expect(inOrder(await read())).toEqual(inOrder(acts));
};

const byId = <Row extends { readonly id: string }>(rows: readonly Row[]) =>
  rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));

/** What administrators made is there once, with the secrets that they were told, and is as they left it. */
const expectWhatWasMade = async (running: Platform, { keys, partnerKeys, tokens, users }: Made) => {
  expect(
    await running.query(
      `select id, api_key_hash as "keyHash", api_secret_hash as "secretHash" from identity.api_keys
       where revoked_at is not null order by id::text`,
    ),
  ).toEqual(byId(keys));
  expect(
    await running.query(
      `select id, api_key_hash as "keyHash", api_secret_hash as "secretHash" from partner.partner_api_keys
       where revoked_at is not null order by id::text`,
    ),
  ).toEqual(byId(partnerKeys));
  expect(
    await running.query(
      `select id, token_hash as hash from tickets.integration_tokens where status = 'revoked' order by id::text`,
    ),
  ).toEqual(byId(tokens));
  expect(
    await running.query(
      'select id, email from identity.users where disabled_at is not null order by id::text',
    ),
  ).toEqual(byId(users));
  const [all] = await running.query<{ left: string }>(
    `select (select count(*) from identity.api_keys where revoked_at is null)
       + (select count(*) from partner.partner_api_keys where revoked_at is null)
       + (select count(*) from tickets.integration_tokens where status <> 'revoked') as left`,
  );
  expect(all?.left, 'keys that nobody was told of').toBe('0');
};

test('whatever is killed: what was answered is so, once, and no refresh token works twice', async () => {
  console.info(`identity crash test: seed ${SEED} (set SWITCHBOARD_CRASH_SEED to repeat another run)`);
  mailbox = await startMailbox();
  platform = await startPlatform(
    {
      'identity-service': { MAIL_PRINT: 'false', SMTP_URL: mailbox.url },
      gateway: { CREDENTIAL_REFUSALS_PER_MINUTE: '10000' },
    },
    { without: ['ai-service', 'webhook-dispatcher'] },
  );
  const running = platform;
  const accessToken = await running.admin();
  const { people, live, grant } = startPeople(running);
  const { acts, made, work } = startAdministrator(running, accessToken);

  let killing = true;
  const kills = killEverything(running).finally(() => {
    killing = false;
  });
  const whileKilling = async (once: (turn: number) => Promise<void>) => {
    for (let turn = 0; turn < 2 || killing; turn += 1) await once(turn);
  };
  const [killed] = await Promise.all([
    kills,
    whileKilling(work),
    ...Array.from({ length: PEOPLE }, (_, person) =>
      whileKilling((turn) => live(`person-${person}-${turn}`)),
    ),
  ]);

  await expectOutboxesEmpty(running);
  await expectEveryActOnRecordOnce(running, acts);
  await expectWhatWasMade(running, made);

  // Every user who was told so exists once.
  const users = await running.query<{ email: string }>(
    "select email from identity.users where email like 'person-%'",
  );
  expect(users.map(({ email }) => email).toSorted()).toEqual([...people.emails].toSorted());

  // Two tabs got one and the same token.
  for (const given of people.exchanged.values()) expect(given.size).toBeLessThanOrEqual(1);

  // What was ended is ended, and its newest tokens are good for nothing.
  const ended = people.sessions.filter((session) => session.ended);
  const open = people.sessions.filter((session) => !session.ended);
  const rows = await running.query<{ id: string; over: boolean }>(
    'select id, ended_at is not null as over from identity.sessions',
  );
  const isOver = new Map(rows.map(({ id, over }) => [id, over]));
  for (const { sessionId, ended: told } of people.sessions) expect(isOver.get(sessionId)).toBe(told);
  for (const session of ended) {
    const again = await insist(
      running,
      grant('refresh_token', { refresh_token: session.refreshTokens.at(-1) }),
    );
    expect(again.status, JSON.stringify(again.body)).toBe(400);
  }

  // Gateways know it too: by an event, or when they asked anew.
  const statusOf = async ({ accessToken: token }: Session) =>
    (
      await insist(running, {
        method: 'GET',
        path: '/auth/v1/user',
        headers: { authorization: `Bearer ${token}` },
      })
    ).status;
  for (const session of ended) {
    await waitFor(async () => (await statusOf(session)) === 401, {
      what: `the access token of ${session.email} to be over`,
      timeoutMs: 120_000,
    });
  }
  for (const session of open) expect(await statusOf(session)).toBe(200);

  // An open one works on, whatever was lost on the way; a token of before ends it, for it is somebody's copy.
  expect(open.length).toBeGreaterThan(0);
  for (const session of open) {
    const next = await insist(
      running,
      grant('refresh_token', { refresh_token: session.refreshTokens.at(-1) }),
    );
    expect(next.status, JSON.stringify(next.body)).toBe(200);
    const copy = await insist(running, grant('refresh_token', { refresh_token: session.refreshTokens[0] }));
    expect(copy).toMatchObject({ status: 400, body: { error_code: 'refresh_token_already_used' } });
  }

  // Whoever died with a mail keeps it for two minutes, and one that failed waits: let both be over.
  await running.query('update identity.mail set next_attempt_at = now() where sent_at is null');
  for (const email of people.mailed) await mailbox.next(email, 150_000);

  console.info(
    `identity crash test: ${killed} kills, ${acts.length} acts, ${people.emails.size} people, ` +
      `${ended.length} sessions ended, ${people.mailed.size} mails`,
  );
}, 600_000);
