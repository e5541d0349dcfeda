import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { renderScreen, type ScreenFacts } from '../src/demo/screen.ts';
import { makeAnonKey } from '../src/local/anon-key.ts';
import { repositoryDir } from '../src/paths.ts';

const id = '01a202c5-45d6-7f75-adec-7d595aa90e24';
const pair = (environment: string) => ({
  keyId: id,
  key: `pk_${environment}_1gLekPORy7nRN7oE6bfldJtDqf8LRt3btvga`,
  secret: 'sk_MKSgjpf3gXvyTNOxWpStHzgVytYeYQ20HH2c',
  webhookSecret: 'whsec_BgjhAX8eRSA/PjhkCwyD8F3+V+Xwokl0Ex93MV/zMI8=',
});

const anonKey = makeAnonKey(1_764_000_000);

const facts = (recording: string): ScreenFacts => ({
  baseUrl: 'http://localhost:3000',
  keys: { sandbox: pair('sandbox'), production: pair('production') },
  people: {
    admin: { email: 'admin@example.com', password: 'V1StGXR8_Z5jdHi6B-myT3Kp' },
    user: { email: 'user@example.com', password: '-StGXR8_Z5jdHi6B_myT3KpV' },
    apiKey: {
      key: 'ak_1gLekPORy7nRN7oE6bfldJtDqf8LRt3btvga',
      secret: 'as_MKSgjpf3gXvyTNOxWpStHzgVytYeYQ20HH2c',
    },
    integrationToken: 'stk_1gLekPORy7nRN7oE6bfldJtDqf8LRt3btvga',
    webhookEndpoint: { id, secret: 'whsec_BgjhAX8eRSA/PjhkCwyD8F3+V+Xwokl0Ex93MV/zMI8=' },
  },
  anonKey,
  adminPassword: 'V1StGXR8_Z5jdHi6B-myT3Kp',
  tenant: { companyId: id, agentId: id },
  sinkUrl: 'http://127.0.0.1:3090/partner-callbacks',
  jobId: id,
  recording,
  databaseWhere: '127.0.0.1:54320, files in .local/postgres',
  natsWhere: '127.0.0.1:42220, files in .local/nats',
  demoFile: '.local/demo.json',
  logsDir: '.local/logs',
  localDirGiven: undefined,
  outcome: { fault: 'gave up' },
});

const screen = (recording: string) => renderScreen(facts(recording));

/** What a shell makes of the screen's commands, with a curl and an npx that write their arguments down. */
const pasteInto = (text: string): string[][] => {
  const commands = text.slice(text.indexOf('  curl'), text.indexOf(' The demo job did not'));
  const programs = `curl() { printf '%s\\0' "$@"; printf '\\n'; }\nnpx() { curl "$@"; }\nbash() { curl "$@"; }\n`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', programs + commands], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\0').filter((word) => word !== ''));
};

test('a local stack that is elsewhere names its own logs', () => {
  const text = renderScreen({ ...facts('support.wav'), logsDir: '/elsewhere/logs' });
  expect(text).toContain('The logs above, and /elsewhere/logs, say more.');
  expect(text).not.toContain('.local/logs');
});

test('every line fits into 80 columns, but for where this checkout and a job lie', () => {
  const long = screen('support.wav')
    .split('\n')
    .filter((line) => line.length > 80 && !/audio_file=|\/jobs\/|\/demo\/call#|^ {2}cd /.test(line));
  expect(long).toEqual([]);
});

test('a shell makes requests, a call that is followed and a webhook of what is pasted, whatever the checkout is called', () => {
  const [health, companies, analyze, status, signIn, tickets, example, ...later] = pasteInto(
    screen("Ann's calls; $(new) & old.wav"),
  );
  expect(health).toEqual(['http://localhost:3000/health']);
  expect(companies?.slice(1)).toEqual([
    '-H',
    'Authorization: Bearer pk_sandbox_1gLekPORy7nRN7oE6bfldJtDqf8LRt3btvga',
    '-H',
    'X-API-Secret: sk_MKSgjpf3gXvyTNOxWpStHzgVytYeYQ20HH2c',
  ]);
  expect(analyze).toContainEqual(
    expect.stringMatching(/^audio_file=@".*Ann's calls; \$\(new\) & old\.wav"$/),
  );
  expect(analyze).toContain(`agent_id=${id}`);
  expect(status?.[0]).toBe(`http://localhost:3000/api/partner/v1/jobs/${id}/status`);
  expect(signIn).toEqual([
    'http://localhost:3000/auth/v1/token?grant_type=password',
    ...['-H', `apikey: ${anonKey}`],
    ...['-H', 'Content-Type: application/json'],
    ...['-d', '{"email":"user@example.com","password":"-StGXR8_Z5jdHi6B_myT3KpV"}'],
  ]);
  expect(tickets).toEqual([
    'http://localhost:3000/functions/v1/integration-tickets/tickets?limit=5',
    ...['-H', 'Authorization: Bearer stk_1gLekPORy7nRN7oE6bfldJtDqf8LRt3btvga'],
  ]);
  expect(example).toEqual(['examples/integration_examples.sh']);
  const [call, logs, follow, webhook] = later;
  const apiKey = [
    ...['-H', 'X-API-Key: ak_1gLekPORy7nRN7oE6bfldJtDqf8LRt3btvga'],
    ...['-H', 'X-API-Secret: as_MKSgjpf3gXvyTNOxWpStHzgVytYeYQ20HH2c'],
  ];
  expect(call).toEqual([
    'http://localhost:3000/api/v1/calls',
    ...apiKey,
    ...['-H', 'Content-Type: application/json'],
    ...['-d', '{"name":"John Doe","phone":"+15005550004","callType":"outbound"}'],
  ]);
  expect(logs).toEqual(['http://localhost:3000/api/v1/call-logs?limit=5', ...apiKey]);
  expect(follow).toEqual(['node', 'examples/calls/follow-call.mjs']);
  expect(webhook).toEqual(['switchboard', 'webhooks', 'endpoints', 'test', id]);
});

test('the command line is run in the checkout and finds a stack that lies elsewhere, wherever it is pasted', () => {
  const text = renderScreen({ ...facts('support.wav'), localDirGiven: "/var/Ann's stack" });
  const command = text.slice(text.lastIndexOf('  cd '), text.indexOf(' The demo job did not'));
  const npx = `npx() { printf '%s|%s|%s' "$PWD" "$SWITCHBOARD_LOCAL_DIR" "$1"; }\n`;
  const { stdout } = spawnSync('sh', ['-c', npx + command], { encoding: 'utf8', cwd: '/' });
  expect(stdout).toBe(`${repositoryDir}|/var/Ann's stack|switchboard`);
});

test('an operator who brings an administrator sees no password on the screen', () => {
  const shown = renderScreen({ ...facts('support.wav'), adminPassword: undefined });
  expect(shown).toContain('admin@example.com  (your ADMIN_PASSWORD)');
  expect(shown).not.toContain('V1StGXR8_Z5jdHi6B-myT3Kp');
});
