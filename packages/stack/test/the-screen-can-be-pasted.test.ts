import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { renderScreen } from '../src/demo/screen.ts';

const id = '01a202c5-45d6-7f75-adec-7d595aa90e24';
const pair = (environment: string) => ({
  keyId: id,
  key: `pk_${environment}_1gLekPORy7nRN7oE6bfldJtDqf8LRt3btvga`,
  secret: 'sk_MKSgjpf3gXvyTNOxWpStHzgVytYeYQ20HH2c',
  webhookSecret: 'whsec_BgjhAX8eRSA/PjhkCwyD8F3+V+Xwokl0Ex93MV/zMI8=',
});

const screen = (recording: string) =>
  renderScreen({
    baseUrl: 'http://localhost:3000',
    keys: { sandbox: pair('sandbox'), production: pair('production') },
    tenant: { companyId: id, agentId: id },
    sinkUrl: 'http://127.0.0.1:3090/partner-callbacks',
    jobId: id,
    recording,
    databaseWhere: '127.0.0.1:54320, files in .local/postgres',
    natsWhere: '127.0.0.1:42220, files in .local/nats',
    demoFile: '.local/demo.json',
    logsDir: '.local/logs',
    outcome: { fault: 'gave up' },
  });

/** What a shell makes of the screen's commands, with a curl that writes its arguments down. */
const pasteInto = (text: string): string[][] => {
  const commands = text.slice(text.indexOf('  curl'), text.indexOf(' The demo job did not'));
  const curl = `curl() { printf '%s\\0' "$@"; printf '\\n'; }\n`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', curl + commands], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\0').filter((word) => word !== ''));
};

test('every line fits into 80 columns, but for where this checkout and a job lie', () => {
  const long = screen('support.wav')
    .split('\n')
    .filter((line) => line.length > 80 && !/audio_file=|\/jobs\//.test(line));
  expect(long).toEqual([]);
});

test('a shell makes four requests of what is pasted, whatever the checkout is called', () => {
  const [health, companies, analyze, status] = pasteInto(screen("Ann's calls; $(new) & old.wav"));
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
});
