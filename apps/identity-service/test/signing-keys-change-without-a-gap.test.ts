import { createPublicKey } from 'node:crypto';
import { createManualClock, identityRpcs, type PublicJwk } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { waitFor } from '@switchboard/stack/testing';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ensureSigningKey,
  keepSigningKeys,
  type RotationInput,
  rotateSigningKey,
} from '../src/domain/signing-keys/rotate-signing-key.ts';
import { type MadeUser, startTestIdentity, type TestIdentity } from './support/identity.ts';

const clock = createManualClock('2026-11-25T10:00:00.000Z');
let identity: TestIdentity;
let replica: TestIdentity;
let user: MadeUser;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
  replica = await identity.startReplica();
  user = await identity.makeUser();
});
afterAll(async () => {
  await replica.close();
  await identity.close();
});

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

const keysOf = async (on = identity): Promise<PublicJwk[]> => {
  const { body, headers } = await on.call(null, 'GET', '/auth/v1/.well-known/jwks.json');
  expect(headers['cache-control']).toBe('public, max-age=300');
  return body.keys;
};
const kidOf = (token: string): string => String(jwt.decode(token, { complete: true })?.header.kid);
const signedBy = async (on = identity): Promise<string> => kidOf((await on.signIn(user)).accessToken);
const rotate = async (input: RotationInput) => {
  const rotation = await transact(identity.deps.data, (tools) =>
    rotateSigningKey(tools, identity.deps, input),
  );
  identity.deps.keyRing.forget();
  return rotation;
};
const changes = async (): Promise<readonly { kid: string; change: string }[]> =>
  (
    await identity.rows(
      "SELECT data FROM identity.outbox WHERE subject = 'identity.signing_key.changed' ORDER BY position",
    )
  ).map((row) => row.data);

const isAccepted = (token: string, keys: readonly PublicJwk[]): boolean => {
  const key = keys.find((each) => each.kid === kidOf(token));
  if (!key) return false;
  jwt.verify(token, createPublicKey({ key, format: 'jwk' }), {
    algorithms: ['RS256'],
    audience: 'authenticated',
    issuer: 'http://localhost:3000/auth/v1',
    clockTimestamp: Math.floor(clock.now().getTime() / 1000),
  });
  return true;
};

describe('signing keys', () => {
  it('are made once by replicas that boot together, and sign at once', async () => {
    await Promise.all([identity, replica, identity, replica].map((each) => ensureSigningKey(each.deps)));
    const keys = await keysOf();
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig', e: 'AQAB' });
    expect(Object.keys(keys[0] ?? {}).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    const { accessToken } = await replica.signIn(user);
    expect(isAccepted(accessToken, keys)).toBe(true);
    expect(await changes()).toEqual([{ kid: keys[0]?.kid, change: 'added' }]);
    await expect(identity.bus.request(identityRpcs.signingKeys, {})).resolves.toEqual({
      issuer: 'http://localhost:3000/auth/v1',
      audience: 'authenticated',
      keys,
    });
  });

  it('are sealed where they are stored', async () => {
    const [row] = await identity.rows('SELECT * FROM identity.signing_keys');
    expect(row.private_key_encrypted).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/);
    expect(JSON.stringify(row)).not.toMatch(/PRIVATE|"d"/);
    const stolen = await identity.startReplica({
      env: { IDENTITY_ENCRYPTION_KEY: 'somebody-elses-encryption-key-for-tests' },
    });
    // It cannot open the key, so it made one of its own; both are published, and each signs with its own.
    expect(await signedBy(stolen)).not.toBe(row.kid);
    await waitFor(async () => (await keysOf()).length === 2, {
      what: 'the other replica to hear of the new key',
    });
    expect(await signedBy(identity)).toBe(row.kid);
    await stolen.close();
    await identity.rows('DELETE FROM identity.signing_keys WHERE kid <> $1', [row.kid]);
    await identity.rows('UPDATE identity.signing_keys SET signs_until = NULL, published_until = NULL');
    identity.deps.keyRing.forget();
    replica.deps.keyRing.forget();
  });

  it('are published a quarter of an hour before they sign, and until their last token is over', async () => {
    const [old] = await keysOf();
    clock.advance(90 * DAY - 20 * MINUTE);
    expect(await keepSigningKeys(identity.deps)).toEqual({ rotated: 0, removed: 0 });
    clock.advance(6 * MINUTE);
    const done = await Promise.all([keepSigningKeys(identity.deps), keepSigningKeys(replica.deps)]);
    expect(done.map((each) => each.rotated).toSorted()).toEqual([0, 1]);
    const both = await keysOf();
    expect(both).toHaveLength(2);
    const fresh = both.find((key) => key.kid !== old?.kid);

    clock.advance(14 * MINUTE);
    expect(await signedBy()).toBe(old?.kid);
    expect(await signedBy(replica)).toBe(old?.kid);
    const { accessToken: last } = await identity.signIn(user);
    clock.advance(MINUTE);
    expect(await signedBy()).toBe(fresh?.kid);
    expect(await signedBy(replica)).toBe(fresh?.kid);

    clock.advance(HOUR - 2 * MINUTE);
    expect(isAccepted(last, await keysOf(replica))).toBe(true);
    clock.advance(10 * MINUTE);
    expect((await keysOf(replica)).map((key) => key.kid)).toEqual([fresh?.kid]);
    expect(await keepSigningKeys(replica.deps)).toEqual({ rotated: 0, removed: 1 });
    expect((await changes()).slice(-2)).toEqual([
      { kid: fresh?.kid, change: 'added' },
      { kid: old?.kid, change: 'removed' },
    ]);
  });

  it('change when an administrator says so: in good time, or now', async () => {
    const before = await signedBy();
    const planned = await rotate({ immediately: false });
    expect(planned.signsFrom.getTime() - clock.now().getTime()).toBe(15 * MINUTE * 1000);
    expect(await rotate({ immediately: false })).toMatchObject({
      kid: planned.kid,
      signsFrom: planned.signsFrom,
    });
    expect(await signedBy()).toBe(before);
    const now = await rotate({ immediately: true });
    expect(now.kid).toBe(planned.kid);
    expect(await signedBy()).toBe(planned.kid);
    // Every replica publishes it at once: whoever has a token of it is asking.
    for (const each of [identity, replica]) {
      expect((await keysOf(each)).map((key) => key.kid).toSorted()).toEqual([before, planned.kid].toSorted());
    }
  });

  it('that were lost are not accepted any more, on any replica', async () => {
    const { accessToken } = await identity.signIn(user);
    const { kid, revoked } = await rotate({ immediately: true, revokeOld: true });
    expect(revoked).toContain(kidOf(accessToken));
    await waitFor(async () => (await keysOf(replica)).every((key) => key.kid === kid), {
      what: 'the other replica to hear of it',
    });
    expect(isAccepted(accessToken, await keysOf(replica))).toBe(false);
    expect(await signedBy(replica)).toBe(kid);
  });

  it('cost no question to the database per token', async () => {
    await identity.signIn(user);
    await identity.rows('ALTER TABLE identity.signing_keys RENAME TO signing_keys_out_of_reach');
    await expect(identity.signIn(user)).resolves.toBeDefined();
    identity.deps.keyRing.forget();
    await expect(identity.signIn(user)).rejects.toThrow('500');
    await identity.rows('ALTER TABLE identity.signing_keys_out_of_reach RENAME TO signing_keys');
  });
});

describe('whoever checks tokens', () => {
  it('finds keys and endpoints by discovery', async () => {
    const { body } = await identity.call(null, 'GET', '/auth/v1/.well-known/openid-configuration');
    expect(body).toMatchObject({
      issuer: 'http://localhost:3000/auth/v1',
      jwks_uri: 'http://localhost:3000/auth/v1/.well-known/jwks.json',
      device_authorization_endpoint: 'http://localhost:3000/api/v1/auth/device/code',
      token_endpoint: 'http://localhost:3000/api/v1/auth/device/token',
      // All that the token endpoint takes.
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      token_endpoint_auth_methods_supported: ['none'],
    });
    expect((await identity.call(null, 'GET', '/auth/v1/health')).body.name).toBe('Switchboard');
    expect((await identity.call(null, 'GET', '/auth/v1/settings')).body).toMatchObject({
      external: { email: true, google: false, twitter: false },
      disable_signup: false,
      mailer_autoconfirm: true,
    });
  });
});
