import { createServer } from 'node:net';
import { freePort } from '@switchboard/stack/testing';
import { expect, test } from 'vitest';
import { checkUrl } from '../src/config.ts';
import {
  checkArchitecture,
  checkDisk,
  checkNode,
  checkPorts,
  checkWritable,
} from '../src/preflight/checks.ts';
import { renderChecks } from '../src/preflight/preflight.ts';

test('a taken port is found, with who needs it and how to choose another', async () => {
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  const [check] = await checkPorts([{ name: 'gateway', port, variable: 'PORT' }]);
  expect(check).toMatchObject({ ok: false, found: 'taken by another process, but gateway needs it' });
  expect(check?.remedy).toContain(`PORT=${port + 1000} npm start`);
  const ofOurs = await checkPorts([{ name: 'gateway', port, variable: 'PORT' }], { isRunning: true });
  expect(ofOurs).toMatchObject([{ ok: true, found: 'gateway, of the running local stack' }]);
  await new Promise((resolve) => other.close(resolve));
  expect(await checkPorts([{ name: 'gateway', port, variable: 'PORT' }])).toMatchObject([{ ok: true }]);
});

test('a full disk is found before the database fills it', () => {
  expect(checkDisk('/somewhere', 200 * 1024 ** 2)).toMatchObject({
    ok: false,
    found: '0.2 GB free at /somewhere',
    remedy: expect.stringContaining('free at least 1 GB'),
  });
});

test('a machine nothing is packaged for can still use servers of its own', () => {
  expect(checkArchitecture('linux-riscv64', { postgres: false, nats: false })).toMatchObject({
    ok: false,
    remedy: expect.stringContaining('DATABASE_URL'),
  });
  expect(checkArchitecture('linux-riscv64', { postgres: true, nats: true }).ok).toBe(true);
});

test('an old Node and a directory of another user are said in words', () => {
  expect(checkNode('20.1.0').remedy).toContain('npm start');
  expect(checkWritable('/dev/null/switchboard')).toMatchObject({
    ok: false,
    remedy: expect.stringContaining('chown'),
  });
});

test('a URL that is none is named by its variable, without the password in it', () => {
  const check = (url: string) => () =>
    checkUrl('DATABASE_URL', url, ['postgres:'], 'postgres://user@host/name');
  expect(check('postgres://user@127.0.0.1/x')).not.toThrow();
  for (const url of ['foo', 'mysql://root:hidden@127.0.0.1/x', 'postgres//user:hidden@h']) {
    expect(check(url)).toThrow(
      /^DATABASE_URL is no URL of the kind postgres:\/\/user@host\/name\.\nCorrect it/,
    );
    expect(check(url)).not.toThrow(/hidden/);
  }
});

test('every failed check is printed with its remedy under it', () => {
  const text = renderChecks([
    { name: 'disk', ok: false, found: '0.1 GB free', remedy: 'free some' },
    { name: 'Node', ok: true, found: 'Node 26' },
  ]);
  expect(text).toBe('FAIL  disk          0.1 GB free\n      remedy: free some\nok    Node          Node 26');
});
