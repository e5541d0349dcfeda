import { deriveWebhookSecret, hasValidChecksum } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, createCli, makeConfigDir, type RunOptions } from './support/cli.ts';
import { ADMIN, startTestGateway, type TestGateway } from './support/gateway.ts';

/** An administrator has 300 requests a minute, and so has whoever waits in their name. */
const seldom = { intervalMs: 250 };

let gateway: TestGateway;
let cli: Cli;
beforeAll(async () => {
  gateway = await startTestGateway();
  cli = createCli({ configDir: makeConfigDir() });
  let printed = '';
  const signedIn = await cli(['login', '--url', gateway.url], {
    onPrint(text) {
      printed = text;
    },
    onPause: () => gateway.decide(printed, 'approve'),
  });
  expect(signedIn).toMatchObject({ code: 0, err: '' });
}, 120_000);
afterAll(() => gateway?.stop());

const json = async (args: readonly string[], options?: RunOptions) => {
  const { code, out, err } = await cli([...args, '--json'], options);
  expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
  return JSON.parse(out);
};

const statusOf = async (path: string, headers: Record<string, string>): Promise<number> => {
  const response = await fetch(`${gateway.url}${path}`, { headers });
  await response.body?.cancel();
  return response.status;
};

describe('partner keys', () => {
  it('are made, listed, changed, rotated and revoked', async () => {
    const made = await json([
      ...['partner-keys', 'create', 'Acme GmbH', '--environment', 'production', '--expires-in-days', 'never'],
      ...['--allowed-ips', '127.0.0.1, 10.0.0.0/8,2001:db8::/32', '--rate-limit', '50'],
      ...['--permissions', 'jobs.read,calls.analyze'],
    ]);
    expect(hasValidChecksum(made.api_key, 'pk_production_')).toBe(true);
    expect(made.webhook_secret).toBe(
      deriveWebhookSecret('a-webhook-secret-for-tests-of-enough-length', { keyId: made.id, version: 1 }),
    );
    expect(made).toMatchObject({ partner_name: 'Acme GmbH', rate_limit_per_minute: 50, expires_at: null });
    const pair = { authorization: `Bearer ${made.api_key}`, 'x-api-secret': made.api_secret };
    expect(await statusOf('/api/partner/v1/health', pair)).toBe(200);

    expect(await json(['partner-keys', 'list', '--partner', 'acme', '--active'])).toEqual([
      expect.objectContaining({ id: made.id, status: 'active', permissions: ['jobs.read', 'calls.analyze'] }),
    ]);
    await json(['partner-keys', 'update', made.id, '--rate-limit', '70', '--allowed-ips', 'any']);
    expect(await json(['partner-keys', 'show', made.id])).toMatchObject({
      rate_limit_per_minute: 70,
      allowed_ips: [],
    });
    const rotated = await json(['partner-keys', 'rotate', made.id, '--overlap', '0', '--webhook']);
    expect(hasValidChecksum(rotated.api_secret, 'sk_')).toBe(true);
    expect(rotated.webhook_secret).not.toBe(made.webhook_secret);
    expect(await json(['partner-keys', 'usage', made.id, '--since', '1d'])).toMatchObject({ total_jobs: 0 });

    expect(await json(['partner-keys', 'revoke', made.id])).toMatchObject({ status: 'revoked' });
    expect(await json(['partner-keys', 'list', '--active', '--partner', 'Acme'])).toEqual([]);
    const again = await cli(['partner-keys', 'rotate', made.id]);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('final') });
  });

  it('are shown to people as a table, with the secrets once', async () => {
    const made = await cli(['partner-keys', 'create', 'Readable Ltd']);
    expect(made.out).toMatch(/API secret\s+sk_\w{36}/);
    const secret = /sk_\w{36}/.exec(made.out)?.[0] ?? 'none';
    const list = await cli(['partner-keys', 'list']);
    expect(list.out).toContain('Readable Ltd');
    expect(list.out).not.toContain(secret);
  });
});

it('API keys are made, listed, changed, rotated and revoked', async () => {
  const made = await json(['api-keys', 'create', 'Dialler', '--account', 'Acme', '--expires-in-days', '30']);
  expect(hasValidChecksum(made.api_key, 'ak_')).toBe(true);
  expect(hasValidChecksum(made.api_secret, 'as_')).toBe(true);
  expect(Math.round((Date.parse(made.expires_at) - Date.now()) / 86_400_000)).toBe(30);
  await json(['api-keys', 'update', made.id, '--name', 'Dialler 2', '--disable']);
  expect(await json(['api-keys', 'list', '--search', 'dialler'])).toEqual([
    expect.objectContaining({ id: made.id, name: 'Dialler 2', is_active: false, account: 'Acme' }),
  ]);
  await json(['api-keys', 'update', made.id, '--enable', '--expires-in-days', 'never']);
  expect(await json(['api-keys', 'show', made.id])).toMatchObject({ is_active: true, expires_at: null });
  const rotated = await json(['api-keys', 'rotate', made.id, '--overlap', '2h']);
  expect(rotated.api_secret).not.toBe(made.api_secret);
  expect((await cli(['api-keys', 'show', made.id])).out).toContain('works until');
  expect((await cli(['api-keys', 'revoke', made.id])).out).toContain('revoked since');
  expect((await cli(['api-keys', 'list'])).out).toMatch(/Dialler 2 .* revoked/);
});

it('integration tokens are made, listed, changed, regenerated, disabled, enabled, revoked and deleted', async () => {
  const made = await json([
    ...['tokens', 'create', 'Helpdesk', '--rate-limit', '500', '--allowed-endpoints', 'POST /tickets,GET /'],
  ]);
  expect(hasValidChecksum(made.token, 'stk_')).toBe(true);
  const address = '/functions/v1/integration-tickets/';
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  expect(await statusOf(address, bearer(made.token))).toBe(200);
  await json(['tokens', 'update', made.id, '--name', 'Helpdesk 2', '--description', 'of the north']);
  expect(await json(['tokens', 'list', '--search', 'helpdesk', '--status', 'active'])).toEqual([
    expect.objectContaining({ id: made.id, name: 'Helpdesk 2', rate_limit_per_hour: 500 }),
  ]);
  const once = (await cli(['tokens', 'regenerate', made.id])).out;
  expect(once).toContain(`webhooks endpoints list --owner integration_token:${made.id}`);
  const again = await json(['tokens', 'regenerate', made.id]);
  expect(again.token).not.toBe(made.token);
  expect((await cli(['tokens', 'disable', made.id])).out).toContain('told nothing');
  await waitFor(async () => (await statusOf(address, bearer(again.token))) === 401, {
    what: 'the disabled token to be refused',
  });
  await cli(['tokens', 'enable', made.id]);
  await waitFor(async () => (await statusOf(address, bearer(again.token))) === 200, {
    what: 'the enabled token to be taken',
  });
  await waitFor(async () => (await json(['tokens', 'usage', made.id])).requests.length > 0, {
    what: 'the usage of the token',
    ...seldom,
  });
  expect((await cli(['tokens', 'usage', made.id])).out).toContain('GET');
  expect((await cli(['tokens', 'revoke', made.id])).out).toContain('revoked since');
  expect((await cli(['tokens', 'delete', made.id])).out).toContain('is deleted');
  expect(await cli(['tokens', 'show', made.id])).toMatchObject({ code: 1 });
});

it('tickets are listed, shown, given to somebody, answered and closed, and their history is told', async () => {
  const { token } = await json(['tokens', 'create', 'Desk']);
  const opened = await fetch(`${gateway.url}/functions/v1/integration-tickets/tickets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'The printer is on fire', priority: 'high' }),
  });
  const { id } = ((await opened.json()) as { ticket: { id: string } }).ticket;
  expect(
    await json(['tickets', 'list', '--status', 'open', '--assignee', 'none', '--priority', 'high']),
  ).toEqual([expect.objectContaining({ id, integration_source: 'Desk' })]);
  expect((await cli(['tickets', 'list'])).out).toMatch(/high +nobody .*The printer is on fire/);
  expect(await json(['tickets', 'assign', id, ADMIN.email])).toMatchObject({
    assignee: { name: ADMIN.email },
  });
  expect(await json(['tickets', 'comment', id, 'It is old', '--internal'])).toMatchObject({
    is_internal: true,
  });
  expect((await cli(['tickets', 'comment', id, 'On the way'])).out).toContain('A comment was added');
  expect(await json(['tickets', 'status', id, 'resolved'])).toMatchObject({ status: 'resolved' });
  const shown = await cli(['tickets', 'show', id]);
  expect(shown.out).toMatch(/first response +met /);
  expect(shown.out).toContain('(internal): It is old');
  const history = await json(['tickets', 'history', id]);
  expect(history.map(({ type }: { type: string }) => type)).toEqual([
    ...['status_changed', 'commented', 'commented', 'assigned', 'created'],
  ]);
  const told = (await cli(['tickets', 'history', id])).out;
  expect(told).toContain('status: open -> resolved');
  expect(told).toMatch(/commented .* comment [0-9a-f-]{36}/);
  expect(await json(['tickets', 'update', id, '--priority', 'urgent', '--category', 'Fire'])).toMatchObject({
    priority: 'urgent',
    category: 'Fire',
  });
  expect(await json(['tickets', 'update', id, '--category', 'none'])).toMatchObject({ category: null });
  expect(await cli(['tickets', 'update', id])).toMatchObject({ code: 2 });
  expect(await cli(['tickets', 'update', id, '--priority', 'soon'])).toMatchObject({ code: 2 });
  expect(await cli(['tickets', 'assign', id, 'none'])).toMatchObject({ code: 0 });
  expect(await cli(['tickets', 'status', id, 'done'])).toMatchObject({ code: 2 });
  expect(await cli(['tickets', 'comment', id])).toMatchObject({ code: 2 });
});

describe('users', () => {
  it('are made, listed, promoted, shut out, let in and signed out', async () => {
    const made = await json(['users', 'create', 'ada@example.com', '--name', 'Ada', '--password-stdin'], {
      input: 'correct horse battery staple\n',
    });
    expect(made).toMatchObject({ email: 'ada@example.com', role: 'user' });
    expect(await json(['users', 'role', 'ada@example.com', 'agent'])).toMatchObject({ role: 'agent' });
    expect((await cli(['users', 'list', '--role', 'agent'])).out).toMatch(/ada@example.com .* agent /);
    expect((await cli(['users', 'disable', made.id])).out).toContain('is disabled');
    expect(await json(['users', 'list', '--disabled'])).toHaveLength(1);
    expect((await cli(['users', 'enable', 'ADA@example.com'])).out).toContain('may sign in again');
    expect(await json(['users', 'sign-out', made.id])).toEqual({ sessions_ended: 0 });
    expect((await cli(['users', 'show', made.id])).out).toContain('Not signed in anywhere.');
    expect(await cli(['users', 'role', 'nobody@example.com', 'user'])).toMatchObject({ code: 1 });
  });

  it('get a password that is typed twice without being shown, or none', async () => {
    const differs = await cli(['users', 'create', 'b@example.com'], { typed: ['one password', 'another'] });
    expect(differs).toMatchObject({ code: 2, err: expect.stringContaining('two different') });
    const typed = ['correct horse battery staple', 'correct horse battery staple'];
    expect(await cli(['users', 'create', 'b@example.com'], { typed })).toMatchObject({ code: 0 });
    const nobody = await cli(['users', 'create', 'c@example.com']);
    expect(nobody).toMatchObject({ code: 2, err: expect.stringContaining('--password-stdin') });
    expect(await cli(['users', 'create', 'c@example.com', '--invite'])).toMatchObject({ code: 0 });
  });

  it('who may not administer are told so', async () => {
    const user = createCli({ configDir: makeConfigDir() });
    let printed = '';
    await user(['login', '--url', gateway.url], {
      onPrint(text) {
        printed = text;
      },
      onPause: () =>
        gateway.decide(printed, 'approve', {
          email: 'b@example.com',
          password: 'correct horse battery staple',
        }),
    });
    const refused = await user(['users', 'list']);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('npx switchboard whoami') });
  });
});

it('signing keys are listed and rotated, and nobody is signed out by it', async () => {
  const before = await json(['signing-keys', 'list']);
  const next = await json(['signing-keys', 'rotate']);
  expect((await cli(['signing-keys', 'list'])).out).toContain(next.kid);
  expect(await json(['signing-keys', 'list'])).toHaveLength(before.length + 1);
  expect(await cli(['whoami'])).toMatchObject({ code: 0 });
});

it('every act is in the audit log, with who did it', async () => {
  await cli(['partner-keys', 'create', 'Audited Ltd']);
  const entries = await waitFor(
    async () => {
      const found: { target: { name: string } }[] = await json([
        'audit',
        'list',
        '--action',
        'partner_key.create',
      ]);
      return found.some(({ target }) => target.name === 'Audited Ltd') && found;
    },
    { what: 'the act in the audit log', ...seldom },
  );
  expect(entries[0]).toMatchObject({ actor: { email: ADMIN.email, role: 'super_admin' } });
  expect((await cli(['audit', 'list', '--limit', '5'])).out).toContain(ADMIN.email);
});

it('why a credential is refused is said check by check, and its secret is not', async () => {
  const made = await json(['partner-keys', 'create', 'Explained Ltd']);
  const wrong = 'sk_000000000000000000000000000000000000';
  const headers = `> GET /api/partner/v1/health HTTP/1.1\n> Authorization: Bearer ${made.api_key}\nX-API-Secret: ${wrong}\n`;
  const explained = await cli(['auth', 'explain', '--path', '/api/partner/v1/health'], { input: headers });
  expect(explained).toMatchObject({ code: 0, err: '' });
  expect(explained.out).toMatch(/request\s+refused/);
  expect(explained.out).toContain('failed');
  expect(explained.out).not.toContain(made.api_key);
  expect(explained.out).not.toContain(wrong);
  expect(await cli(['auth', 'explain'], { input: '' })).toMatchObject({ code: 2 });
});

describe('the first administrator', () => {
  it('is made in the database, where nobody is signed in', async () => {
    const fresh = createCli({ configDir: makeConfigDir(), databaseUrl: gateway.database.ownerUrl });
    const args = ['users', 'create', 'Root@example.com', '--role', 'super_admin', '--password-stdin'];
    const password = 'a root password that is long';
    const made = await fresh(args, { input: password });
    expect(made).toMatchObject({ code: 0, err: '', out: expect.stringContaining('root@example.com') });
    let printed = '';
    const signedIn = await fresh(['login', '--url', gateway.url], {
      onPrint(text) {
        printed = text;
      },
      onPause: () => gateway.decide(printed, 'approve', { email: 'root@example.com', password }),
    });
    expect(signedIn.out).toContain('as root@example.com (super_admin)');
    await waitFor(
      async () => {
        const acts = await json(['audit', 'list', '--action', 'user.create']);
        return acts.some(
          (act: { actor: unknown; target: { name: string } }) =>
            act.actor === null && act.target.name === 'root@example.com',
        );
      },
      { what: 'the act in the audit log', ...seldom },
    );
    expect(
      await createCli({ configDir: makeConfigDir(), databaseUrl: gateway.database.ownerUrl })(args, {
        input: password,
      }),
    ).toMatchObject({ code: 1, err: expect.stringContaining('already') });
  });

  it('is all that is made there: nobody else is made somewhere that was not meant', async () => {
    const fresh = createCli({ configDir: makeConfigDir(), databaseUrl: gateway.database.ownerUrl });
    const args = ['users', 'create', 'agent@example.com', '--role', 'agent', '--password-stdin'];
    const refused = await fresh(args, { input: 'an agent password that is long' });
    expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('DATABASE_URL') });
  });

  it('cannot be made in a database that is not reachable or not migrated', async () => {
    const args = ['users', 'create', 'x@example.com', '--role', 'super_admin', '--password-stdin'];
    const fresh = createCli({ configDir: makeConfigDir() });
    const input = 'a root password that is long';
    const away = await fresh(args, { input, databaseUrl: 'postgres://u:hidden@127.0.0.1:1/x' });
    expect(away).toMatchObject({ code: 1, err: expect.stringContaining('Check DATABASE_URL') });
    expect(away.err).not.toContain('hidden');
    const empty = new URL(gateway.database.adminUrl);
    empty.pathname = '/postgres';
    const unmigrated = await fresh(args, { input, databaseUrl: empty.href });
    expect(unmigrated).toMatchObject({ code: 1, err: expect.stringContaining('db migrate') });
    const short = await fresh(args, { input: 'short', databaseUrl: gateway.database.ownerUrl });
    expect(short).toMatchObject({ code: 2, err: expect.stringContaining('8 characters') });
  });
});
