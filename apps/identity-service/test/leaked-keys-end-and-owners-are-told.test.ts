import { createHash } from 'node:crypto';
import {
  type DataOf,
  generateKey,
  identityEvents,
  keyPrefixes,
  type Principal,
  partnerEvents,
  ticketEvents,
  type UserPrincipal,
} from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADMIN_API,
  asPrincipal,
  dumpSchema,
  makeAdministrator,
  verifyPair,
} from './support/administrators.ts';
import { type MadeUser, startTestIdentity, type TestIdentity } from './support/identity.ts';

const github: Principal = { kind: 'provider', provider: 'github' };
const URL_OF_LEAK = 'https://github.com/octocat/Hello-World/blob/main/config.js';

let identity: TestIdentity;
let superAdmin: UserPrincipal;
let owner: MadeUser;

beforeAll(async () => {
  identity = await startTestIdentity({ consumers: true });
  superAdmin = await makeAdministrator(identity);
  owner = await identity.makeUser({ role: 'admin' });
});
afterAll(() => identity.close());

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');
const match = (token: string, type = 'switchboard_key') => ({
  token,
  type,
  url: URL_OF_LEAK,
  source: 'content',
});
const report = (body: unknown) => identity.call(github, 'POST', `${ADMIN_API}/leaks`, { body });
const makeKey = async (name: string) =>
  (await identity.call(asPrincipal(owner), 'POST', `${ADMIN_API}/api-keys`, { body: { name } })).body;
const mailAbout = (name: string) =>
  identity.rows('SELECT to_email, kind FROM identity.mail WHERE subject LIKE $1 ORDER BY to_email', [
    `%${name}%`,
  ]);
const reportsOf = (token: string) =>
  identity.rows<{ data: DataOf<typeof identityEvents.leakReported> }>(
    "SELECT data FROM identity.outbox WHERE subject = 'identity.leak.reported' AND data->>'token_hash' = $1",
    [hashOf(token)],
  );
const both = () => [owner.email, superAdmin.email].sort();

describe('a message of GitHub', () => {
  test.each([
    [keyPrefixes.partnerSandbox, 'partner_key'],
    [keyPrefixes.partnerProduction, 'partner_key'],
    [keyPrefixes.partnerSecret, 'partner_secret'],
    [keyPrefixes.apiKey, 'api_key'],
    [keyPrefixes.apiSecret, 'api_secret'],
    [keyPrefixes.integrationToken, 'integration_token'],
  ])('about %s… is announced once, by its hash alone', async (prefix, kind) => {
    const token = generateKey(prefix);
    const answers = await Promise.all([1, 2, 3].map(() => report([match(token), match(token)])));
    expect(answers.map(({ status, body }) => [status, body])).toEqual([1, 2, 3].map(() => [200, []]));
    expect((await reportsOf(token)).map(({ data }) => data)).toMatchObject([
      { token_kind: kind, token_hash: hashOf(token), provider: 'github', url: URL_OF_LEAK },
    ]);
    expect(await dumpSchema(identity)).not.toContain(token);
  });

  test('about what cannot be ours is answered as a false positive, and nothing else is', async () => {
    const good = generateKey(keyPrefixes.apiKey);
    const bad = `${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`;
    const { body } = await report([
      match(bad, 'one'),
      match(good, 'two'),
      { token: 'ghp_x', type: 'three', url: '' },
    ]);
    expect(body).toEqual([
      { token_hash: hashOf(bad), token_type: 'one', label: 'false_positive' },
      { token_hash: hashOf('ghp_x'), token_type: 'three', label: 'false_positive' },
    ]);
    expect(await reportsOf(bad)).toEqual([]);
  });
});

describe.each([
  ['key', 'api_key'],
  ['secret', 'api_secret'],
] as const)('an API key whose %s was found in public', (half, field) => {
  test('ends for good; owner and super_admins are told once; it is in the audit log', async () => {
    const name = `leaked ${half}`;
    const key = await makeKey(name);
    await report([match(key[field])]);
    await waitFor(async () => (await mailAbout(name)).length === 2);
    await report([match(key[field])]);
    expect(await verifyPair(identity, key.api_key, key.api_secret)).toMatchObject({
      ok: false,
      reason: 'revoked',
    });
    expect((await mailAbout(name)).map(({ to_email }) => to_email)).toEqual(both());
    const acts = () =>
      identity.rows("SELECT * FROM identity.audit_log WHERE target_id = $1 AND action = 'api_key.revoke'", [
        key.id,
      ]);
    await waitFor(async () => (await acts()).length > 0);
    expect(await acts()).toMatchObject([
      {
        actor_user_id: null,
        before: { is_active: true },
        after: { is_active: false, found_at: URL_OF_LEAK },
      },
    ]);
  });
});

test('an old secret that is still good ends its key too; one whose overlap is over does not', async () => {
  const rotate = async (id: string, overlap: number) =>
    (
      await identity.call(superAdmin, 'POST', `${ADMIN_API}/api-keys/${id}/rotate`, {
        body: { overlap_seconds: overlap },
      })
    ).body;
  const [still, over] = [await makeKey('still good'), await makeKey('over')];
  await rotate(still.id, 3600);
  const { api_secret: fresh } = await rotate(over.id, 3600);
  await identity.rows('UPDATE identity.api_keys SET previous_secret_expires_at = now() WHERE id = $1', [
    over.id,
  ]);
  await report([match(over.api_secret), match(still.api_secret)]);
  await waitFor(async () => (await mailAbout('still good')).length === 2);
  // Both reports went through one consumer, so the other was looked at as well, or is right after this one more.
  const later = await makeKey('later');
  await report([match(later.api_secret)]);
  await waitFor(async () => (await mailAbout('later')).length === 2);
  expect(await verifyPair(identity, over.api_key, fresh)).toMatchObject({ ok: true });
});

describe('what other services say of their credentials', () => {
  const about = (name: string) => ({ id: crypto.randomUUID(), name, owner_user_id: owner.id });

  test.each([
    [partnerEvents.keyLeaked, 'partner-service'],
    [ticketEvents.tokenLeaked, 'ticket-service'],
  ] as const)('a leak is told to owner and super_admins once', async (event, source) => {
    const name = `leak at ${source}`;
    const id = crypto.randomUUID();
    const data = { ...about(`${name}\r\nBcc: everybody@example.com`), url: null };
    for (let times = 0; times < 2; times += 1) await identity.bus.publishEvent(event, data, { source, id });
    await waitFor(async () => (await mailAbout(name)).length === 2);
    await identity.bus.publishEvent(event, { ...data, name: `then ${source}` }, { source });
    await waitFor(async () => (await mailAbout(`then ${source}`)).length === 2);
    expect(await mailAbout(name)).toHaveLength(2);
    const subjects = await identity.rows("SELECT 1 FROM identity.mail WHERE subject ~ E'[\\r\\n]'");
    expect(subjects).toEqual([]);
  });

  test.each([
    [partnerEvents.keyExpiring, 'partner-service'],
    [ticketEvents.tokenExpiring, 'ticket-service'],
    [identityEvents.apiKeyExpiring, 'identity-service'],
  ] as const)(
    'an end that comes near is told to the owner alone, and to nobody where none is known',
    async (event, source) => {
      const end = { expires_at: '2027-01-01T00:00:00.000Z', days_left: 7 } as const;
      const ownerless = { ...about(`ownerless at ${source}`), owner_user_id: null, ...end };
      await identity.bus.publishEvent(event, ownerless, { source });
      await identity.bus.publishEvent(event, { ...about(`near at ${source}`), ...end }, { source });
      await waitFor(async () => (await mailAbout(`near at ${source}`)).length > 0);
      expect((await mailAbout(`near at ${source}`)).map(({ to_email }) => to_email)).toEqual([owner.email]);
      expect(await mailAbout(`ownerless at ${source}`)).toEqual([]);
    },
  );
});

// Last, because its thousand events go through the same consumer.
test('a message about a thousand matches is taken; of another form it is refused, and an administrator is no provider', async () => {
  const many = Array.from({ length: 1000 }, () => ({
    ...match(generateKey(keyPrefixes.partnerSecret)),
    url: null,
  }));
  expect((await report(many)).status).toBe(200);
  expect((await report([...many, match('x')])).status).toBe(400);
  for (const body of [{ token: 'x' }, [{ token: 1, type: 'x' }], [null]]) {
    expect((await report(body)).body.code).toBe('INVALID_INPUT');
  }
  const answer = await identity.call(superAdmin, 'POST', `${ADMIN_API}/leaks`, { body: [] });
  expect([answer.status, answer.body.code]).toEqual([401, 'WRONG_CREDENTIAL_KIND']);
});
