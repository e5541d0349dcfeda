import { identityRpcs } from '@switchboard/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestIdentity, type TestIdentity } from './support/identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.close());

const find = async (id: string) => (await identity.bus.request(identityRpcs.findUser, { user_id: id })).user;

test('whoever gives people work learns who they are, what they may, and whether they are shut out', async () => {
  const made = await identity.makeUser({ role: 'agent', email: 'ada@example.com' });
  const set = (columns: string) =>
    identity.rows(`UPDATE identity.users SET ${columns} WHERE id = $1`, [made.id]);
  await set(`user_metadata = '{}'`);
  const plain = { id: made.id, email: 'ada@example.com', name: null, role: 'agent', disabled: false };
  expect(await find(made.id)).toEqual(plain);
  await set(`user_metadata = '{"full_name":"Ada L."}', disabled_at = now()`);
  expect(await find(made.id)).toEqual({ ...plain, name: 'Ada L.', disabled: true });
});

test('nobody is nobody', async () => {
  expect(await find('0192f0c1-2b3c-7d4e-8f50-617283940a99')).toBeNull();
});
