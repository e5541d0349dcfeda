import { createManualClock, type UserPrincipal } from '@switchboard/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { remindExpiring } from '../src/domain/api-keys/remind-expiring.ts';
import { ADMIN_API, makeAdministrator } from './support/administrators.ts';
import { startTestIdentity, type TestIdentity } from './support/identity.ts';

const START = '2026-03-01T12:00:00.000Z';
const DAY = 86_400;
const clock = createManualClock(START);
let identity: TestIdentity;
let replica: TestIdentity;
let admin: UserPrincipal;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
  replica = await identity.startReplica();
  admin = await makeAdministrator(identity, 'admin');
});
afterAll(async () => {
  await replica.close();
  await identity.close();
});
beforeEach(async () => {
  clock.set(START);
  await identity.rows('DELETE FROM identity.api_keys');
});

const inDays = (days: number) => new Date(clock.now().getTime() + days * DAY * 1000).toISOString();
const makeKey = async (expiresAt: string | null) => {
  const body = { name: 'Key', ...(expiresAt === null ? {} : { expires_at: expiresAt }) };
  return (await identity.call(admin, 'POST', `${ADMIN_API}/api-keys`, { body })).body.id as string;
};
const told = async (id: string) =>
  (
    await identity.rows(
      "SELECT data->'days_left' AS days FROM identity.outbox WHERE subject = 'identity.api_key.expiring' AND data->>'id' = $1 ORDER BY position",
      [id],
    )
  ).map(({ days }) => days);
/** Days pass one by one, and both replicas look twice each day. */
const live = async (days: number) => {
  for (let day = 0; day < days; day += 1) {
    await Promise.all([identity, replica, identity, replica].map(({ deps }) => remindExpiring(deps.data)));
    clock.advance(DAY);
  }
};

describe('the end of an API key', () => {
  test('is told 30, 7 and 1 days before, once each, whichever replica looks', async () => {
    const id = await makeKey(inDays(40));
    await live(45);
    expect(await told(id)).toEqual([30, 7, 1]);
    const [event] = await identity.rows(
      "SELECT data FROM identity.outbox WHERE subject = 'identity.api_key.expiring' AND data->>'id' = $1",
      [id],
    );
    expect(event.data).toMatchObject({
      name: 'Key',
      owner_user_id: admin.user_id,
      expires_at: '2026-04-10T12:00:00.000Z',
    });
  });

  test.each([
    [30, [7, 1]],
    [5, [1]],
    [0.5, []],
  ])('that was %s days away when it was set is told only what comes after', async (days, expected) => {
    const id = await makeKey(inDays(days));
    await live(31);
    expect(await told(id)).toEqual(expected);
  });

  test('of which nobody spoke while all were down is told once, as what it is now', async () => {
    const id = await makeKey(inDays(40));
    clock.advance(34 * DAY);
    await live(1);
    expect(await told(id)).toEqual([7]);
  });

  test('that is moved is told anew; one that is moved nearer is not told late', async () => {
    const id = await makeKey(inDays(20));
    const patch = (expires_at: string | null) =>
      identity.call(admin, 'PATCH', `${ADMIN_API}/api-keys/${id}`, { body: { expires_at } });
    await live(14);
    expect(await told(id)).toEqual([7]);
    await patch(inDays(40));
    await live(12);
    expect(await told(id)).toEqual([7, 30]);
    await patch(inDays(3));
    await live(1);
    expect(await told(id)).toEqual([7, 30]);
    await patch(null);
    await live(5);
    expect(await told(id)).toEqual([7, 30]);
  });

  test('of a key that is switched off, revoked, over or endless is told to nobody', async () => {
    const [off, revoked, endless] = [
      await makeKey(inDays(31)),
      await makeKey(inDays(31)),
      await makeKey(null),
    ];
    await identity.call(admin, 'PATCH', `${ADMIN_API}/api-keys/${off}`, { body: { is_active: false } });
    await identity.call(admin, 'POST', `${ADMIN_API}/api-keys/${revoked}/revoke`);
    await live(33);
    for (const id of [off, revoked, endless]) expect(await told(id)).toEqual([]);
  });

  test('is not lost when the process dies while it tells, and is not told twice', async () => {
    const ids = [await makeKey(inDays(31)), await makeKey(inDays(31))];
    clock.advance(2 * DAY);
    await identity.rows(
      `CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'crash'; END $$;
       CREATE TRIGGER crash BEFORE INSERT ON identity.outbox FOR EACH ROW EXECUTE FUNCTION public.crash()`,
    );
    await expect(remindExpiring(identity.deps.data)).rejects.toThrow('crash');
    await identity.rows('DROP TRIGGER crash ON identity.outbox; DROP FUNCTION public.crash()');
    await live(1);
    await live(1);
    for (const id of ids) expect(await told(id)).toEqual([30]);
  });

  test('of more keys than fit in one go is told of all', async () => {
    const first = await makeKey(inDays(31));
    await identity.rows(
      `INSERT INTO identity.api_keys
         (id, name, account_id, api_key_hash, api_secret_hash, key_prefix, expires_at, created_at, updated_at)
       SELECT gen_random_uuid(), 'Key ' || n, account_id, encode(sha256(n::text::bytea), 'hex'), api_secret_hash, 'ak_',
         expires_at, created_at, updated_at FROM identity.api_keys, generate_series(1, 249) AS n WHERE id = $1`,
      [first],
    );
    clock.advance(2 * DAY);
    const counts = await Promise.all([identity, replica].map(({ deps }) => remindExpiring(deps.data)));
    const again = await remindExpiring(identity.deps.data);
    expect(counts.reduce((sum, count) => sum + count, again)).toBe(250);
    expect(await told(first)).toEqual([30]);
  });
});
