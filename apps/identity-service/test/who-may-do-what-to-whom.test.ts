import { type UserRole, userRoles } from '@switchboard/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_API, asPrincipal, dumpSchema } from './support/administrators.ts';
import { GOOD_PASSWORD, type MadeUser, startTestIdentity, type TestIdentity } from './support/identity.ts';

const USERS = `${ADMIN_API}/users`;
let identity: TestIdentity;
let superAdmin: MadeUser;
let admin: MadeUser;
let target: MadeUser | undefined;

beforeAll(async () => {
  identity = await startTestIdentity();
  superAdmin = await identity.makeUser({ role: 'super_admin', email: 'super@example.com' });
  admin = await identity.makeUser({ role: 'admin', email: 'admin@example.com' });
});
afterAll(() => identity.close());

const call = (who: MadeUser, method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown) =>
  identity.call(asPrincipal(who), method, path, body === undefined ? {} : { body });
const outcome = async (answer: ReturnType<typeof call>) => {
  const { status, body } = await answer;
  return status < 300 ? 'done' : body.code;
};
const roleOf = async ({ id }: Pick<MadeUser, 'id'>) =>
  (await identity.rows('SELECT role, disabled_at FROM identity.users WHERE id = $1', [id]))[0];

/** Somebody with that role. Always the same one: a password takes long to hash. */
const somebodyWith = async (role: UserRole): Promise<MadeUser> => {
  target ??= await identity.makeUser();
  await identity.rows('UPDATE identity.users SET role = $1, disabled_at = NULL WHERE id = $2', [
    role,
    target.id,
  ]);
  return { ...target, role };
};

const isAdministrator = (role: UserRole) => role === 'admin' || role === 'super_admin';

describe.each(['admin', 'super_admin'] as const)('a user with the role %s', (actorRole) => {
  const actor = () => (actorRole === 'admin' ? admin : superAdmin);
  const mayTouch = (role: UserRole) => actorRole === 'super_admin' || !isAdministrator(role);
  const expected = (may: boolean) => (may ? 'done' : 'INSUFFICIENT_ROLE');

  test.each(userRoles.flatMap((from) => userRoles.map((to) => [from, to] as const)))(
    'changes a role from %s to %s only within its rank',
    async (from, to) => {
      const target = await somebodyWith(from);
      const may = mayTouch(from) && (from === to || mayTouch(to));
      expect(await outcome(call(actor(), 'PATCH', `${USERS}/${target.id}`, { role: to }))).toBe(
        expected(may),
      );
      expect((await roleOf(target)).role).toBe(may ? to : from);
    },
  );

  test.each(userRoles)('creates a %s only within its rank', async (role) => {
    const email = `made-${actorRole}-${role}@example.com`;
    expect(await outcome(call(actor(), 'POST', USERS, { email, password: GOOD_PASSWORD, role }))).toBe(
      expected(mayTouch(role)),
    );
  });

  test.each(userRoles)('disables, enables, signs out and renames a %s only within its rank', async (role) => {
    const target = await somebodyWith(role);
    const path = `${USERS}/${target.id}`;
    for (const [method, where, body] of [
      ['POST', `${path}/disable`, undefined],
      ['POST', `${path}/enable`, undefined],
      ['POST', `${path}/sign-out`, undefined],
      ['PATCH', path, { email: `renamed-${target.email}` }],
      ['PATCH', path, { business_id: 'b-1' }],
    ] as const) {
      expect([where, await outcome(call(actor(), method, where, body))]).toEqual([
        where,
        expected(mayTouch(role)),
      ]);
    }
  });

  test('changes neither its own role nor disables itself', async () => {
    const path = `${USERS}/${actor().id}`;
    const refused = actorRole === 'admin' ? 'INSUFFICIENT_ROLE' : 'FORBIDDEN';
    expect(await outcome(call(actor(), 'PATCH', path, { role: 'user' }))).toBe(refused);
    expect(await outcome(call(actor(), 'POST', `${path}/disable`))).toBe(refused);
  });
});

test.each(['user', 'agent'] as const)('a %s administers nothing', async (role) => {
  const somebody = await identity.makeUser({ role });
  expect(await outcome(call(somebody, 'GET', USERS))).toBe('INSUFFICIENT_ROLE');
  expect(await outcome(call(somebody, 'PATCH', `${USERS}/${somebody.id}`, { role: 'super_admin' }))).toBe(
    'INSUFFICIENT_ROLE',
  );
});

test('whoever was demoted or disabled a moment ago does no more harm with the principal of before', async () => {
  for (const [path, body] of [
    ['', { role: 'user' }],
    ['/disable', undefined],
  ] as const) {
    const rogue = await identity.makeUser({ role: 'super_admin' });
    const method = body ? 'PATCH' : 'POST';
    expect(await outcome(call(superAdmin, method, `${USERS}/${rogue.id}${path}`, body))).toBe('done');
    expect(await outcome(call(rogue, 'POST', `${USERS}/${admin.id}/disable`))).toBe('INSUFFICIENT_ROLE');
  }
});

describe('the last super_admin', () => {
  /** A house of its own, with so many super_admins. */
  const house = async (count: number) => {
    const own = await startTestIdentity();
    const supers = [];
    for (let at = 0; at < count; at += 1) supers.push(await own.makeUser({ role: 'super_admin' }));
    return { own, supers };
  };
  const activeOnes = async (own: TestIdentity) =>
    (await own.rows("SELECT 1 FROM identity.users WHERE role = 'super_admin' AND disabled_at IS NULL"))
      .length;

  test.each([
    ['demoted', 'PATCH', '', { role: 'user' }],
    ['disabled', 'POST', '/disable', undefined],
  ] as const)('is never %s, also when all do it to each other at once', async (_what, method, path, body) => {
    const { own, supers } = await house(4);
    try {
      const answers = await Promise.all(
        supers.flatMap((actor) =>
          supers
            .filter((target) => target !== actor)
            .map((target) =>
              own.call(asPrincipal(actor), method, `${USERS}/${target.id}${path}`, body ? { body } : {}),
            ),
        ),
      );
      expect(await activeOnes(own)).toBe(1);
      expect(answers.every(({ status }) => status < 500)).toBe(true);
    } finally {
      await own.close();
    }
  });

  test('is told to appoint another one first; a disabled one does not count', async () => {
    const { own, supers } = await house(2);
    const [first, second] = supers;
    if (!first || !second) throw new Error('two were made');
    try {
      // Of another place, whose tokens say that it is a super_admin; it is not known here.
      const external = {
        ...asPrincipal(first),
        user_id: '0192f0c1-2b3c-7d4e-8f50-617283940a99',
        origin: 'external',
      } as const;
      expect((await own.call(external, 'POST', `${USERS}/${second.id}/disable`)).status).toBe(200);
      const refused = await own.call(external, 'PATCH', `${USERS}/${first.id}`, { body: { role: 'agent' } });
      expect([refused.status, refused.body.code]).toEqual([409, 'LAST_SUPER_ADMIN']);
      expect((await own.call(external, 'POST', `${USERS}/${first.id}/disable`)).body.code).toBe(
        'LAST_SUPER_ADMIN',
      );
      await own.call(external, 'POST', `${USERS}/${second.id}/enable`);
      expect(
        (await own.call(external, 'PATCH', `${USERS}/${first.id}`, { body: { role: 'agent' } })).status,
      ).toBe(200);
    } finally {
      await own.close();
    }
  });
});

describe('what is done to a user', () => {
  const events = (userId: string) =>
    identity.rows("SELECT subject, data FROM identity.outbox WHERE data->>'user_id' = $1 ORDER BY position", [
      userId,
    ]);

  test('disabling ends every session and refuses the next sign-in; enabling lets in again', async () => {
    const target = await identity.makeUser();
    const session = await identity.signIn(target);
    await identity.signIn(target);
    const path = `${USERS}/${target.id}`;
    const before = await call(admin, 'GET', path);
    expect(before.body.open_sessions).toHaveLength(2);
    expect(before.body.identities).toMatchObject([{ provider: 'email', email: target.email }]);
    const disabled = await call(admin, 'POST', `${path}/disable`);
    expect(disabled.body.disabled_at).not.toBeNull();
    expect((await call(admin, 'GET', path)).body.open_sessions).toEqual([]);
    expect((await events(target.id)).slice(-2)).toMatchObject([
      { subject: 'identity.session.ended', data: { session_id: null, reason: 'disabled' } },
      { subject: 'identity.user.changed', data: { change: 'disabled' } },
    ]);
    await expect(identity.signIn(target)).rejects.toThrow('invalid_credentials');
    const refreshed = await identity.call(
      { kind: 'anon' },
      'POST',
      '/auth/v1/token?grant_type=refresh_token',
      {
        body: { refresh_token: session.refreshToken },
      },
    );
    expect(refreshed.status).toBe(400);
    expect((await call(admin, 'POST', `${path}/enable`)).body.disabled_at).toBeNull();
    await identity.signIn(target);
  });

  test('signing out ends sessions and voids access tokens of before', async () => {
    const target = await identity.makeUser();
    await identity.signIn(target);
    const { body } = await call(admin, 'POST', `${USERS}/${target.id}/sign-out`);
    expect(body).toEqual({ sessions_ended: 1 });
    const [row] = await identity.rows('SELECT tokens_valid_from FROM identity.users WHERE id = $1', [
      target.id,
    ]);
    expect(row.tokens_valid_from).not.toBeNull();
    expect((await events(target.id)).at(-1)).toMatchObject({ data: { reason: 'signed_out_by_admin' } });
  });

  test('a changed role is told to the gateways', async () => {
    const target = await identity.makeUser();
    await call(superAdmin, 'PATCH', `${USERS}/${target.id}`, { role: 'admin' });
    expect((await events(target.id)).at(-1)).toMatchObject({
      subject: 'identity.user.changed',
      data: { change: 'role_changed' },
    });
  });

  test('a changed address is the one to sign in with, and voids what was mailed to the old one', async () => {
    const target = await identity.makeUser();
    const taken = await identity.makeUser();
    await identity.rows(
      `INSERT INTO identity.one_time_tokens (id, user_id, purpose, token_hash, code_hash, email, created_at, expires_at)
       VALUES (gen_random_uuid(), $1, 'recovery', $2, $2, $3, now(), now() + interval '1 hour')`,
      [target.id, 'a'.repeat(64), target.email],
    );
    const path = `${USERS}/${target.id}`;
    expect(await outcome(call(admin, 'PATCH', path, { email: taken.email }))).toBe('EMAIL_EXISTS');
    expect(await outcome(call(admin, 'PATCH', path, { email: 'not an address' }))).toBe('INVALID_INPUT');
    const email = `New-${target.email}`;
    expect((await call(admin, 'PATCH', path, { email })).body.email).toBe(email.toLowerCase());
    await identity.signIn({ email, password: target.password });
    expect(
      await identity.rows('SELECT 1 FROM identity.one_time_tokens WHERE user_id = $1', [target.id]),
    ).toEqual([]);
  });

  test.each([{}, { disabled_at: null }, { role: 'owner' }, { password: 'x' }])(
    '%j is refused',
    async (body) => {
      const target = await identity.makeUser();
      expect(await outcome(call(superAdmin, 'PATCH', `${USERS}/${target.id}`, body))).toBe('INVALID_INPUT');
    },
  );
});

describe('a created user', () => {
  test('signs in with the password, which is kept nowhere in clear', async () => {
    const email = 'Dana@Example.com';
    const password = 'Correct-horse-battery-9';
    const headers = { 'idempotency-key': 'dana' };
    const create = (body: object) => identity.call(asPrincipal(admin), 'POST', USERS, { body, headers });
    const body = { email, password, name: 'Dana', business_id: 'b-7' };
    const [made, repeated] = [await create(body), await create(body)];
    expect(made.body).toMatchObject({
      email: 'dana@example.com',
      name: 'Dana',
      role: 'user',
      business_id: 'b-7',
    });
    expect([repeated.status, repeated.body]).toEqual([201, made.body]);
    expect((await create({ ...body, password: `${password}!` })).body.code).toBe('DUPLICATE_REQUEST');
    await identity.signIn({ email, password });
    expect(await dumpSchema(identity)).not.toContain(password);
    expect(await outcome(call(admin, 'POST', USERS, body))).toBe('EMAIL_EXISTS');
    expect(await outcome(call(admin, 'POST', USERS, { email: 'x@example.com', password: 'password' }))).toBe(
      'WEAK_PASSWORD',
    );
  });

  test('without a password gets a mail with a link to choose one', async () => {
    const { body } = await call(admin, 'POST', USERS, { email: 'invited@example.com' });
    const mail = await identity.rows('SELECT to_email, kind FROM identity.mail WHERE user_id = $1', [
      body.id,
    ]);
    expect(mail).toEqual([{ to_email: 'invited@example.com', kind: 'recovery' }]);
    const tokens = await identity.rows('SELECT purpose FROM identity.one_time_tokens WHERE user_id = $1', [
      body.id,
    ]);
    expect(tokens).toEqual([{ purpose: 'recovery' }]);
  });
});

describe('the list of users', () => {
  const ids = (answer: { body: { users: { id: string }[] } }) => answer.body.users.map(({ id }) => id);

  test('is searched by the beginning and the middle of an address, and narrowed', async () => {
    const found = await identity.makeUser({ email: 'searched_for%me@example.com', role: 'agent' });
    for (const term of ['searched_FOR%', 'ed_for%me']) {
      expect(ids(await call(admin, 'GET', `${USERS}?search=${encodeURIComponent(term)}`))).toEqual([
        found.id,
      ]);
    }
    expect(ids(await call(admin, 'GET', `${USERS}?search=${encodeURIComponent('searched%for')}`))).toEqual(
      [],
    );
    expect(ids(await call(admin, 'GET', `${USERS}?search=searched&role=user`))).toEqual([]);
    expect(ids(await call(admin, 'GET', `${USERS}?role=agent&disabled=false&origin=local&limit=1`))).toEqual([
      found.id,
    ]);
    await call(admin, 'POST', `${USERS}/${found.id}/disable`);
    expect(ids(await call(admin, 'GET', `${USERS}?disabled=true&limit=100`))).toContain(found.id);
  });

  test('pages through everybody, newest first', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await call(admin, 'GET', `${USERS}?limit=7${cursor && `&cursor=${cursor}`}`);
      seen.push(...ids(page));
      if (page.body.next_cursor === null) break;
      cursor = page.body.next_cursor;
    }
    const all = await identity.rows('SELECT id FROM identity.users ORDER BY created_at DESC, id DESC');
    expect(seen).toEqual(all.map(({ id }) => id));
  });
});
