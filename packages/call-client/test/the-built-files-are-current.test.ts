import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeCodes } from '@switchboard/call-client';
import { callFrames, callReasonSchema, closeCodes as contractCodes } from '@switchboard/contracts';
import { expect, test } from 'vitest';

const packageDir = fileURLToPath(new URL('../', import.meta.url));
const tsc = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

const readAll = async (directory: string): Promise<Record<string, string>> => {
  const names = (await readdir(directory)).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? '']));
};

test('dist is what the sources say; else run: npm run specs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'call-client-'));
  const built = spawnSync(process.execPath, [tsc, '-p', packageDir, '--outDir', directory], {
    encoding: 'utf8',
  });
  expect([built.status, built.stdout]).toEqual([0, '']);
  const [committed, fresh] = await Promise.all([readAll(join(packageDir, 'dist')), readAll(directory)]);
  await rm(directory, { recursive: true });
  expect(committed).toEqual(fresh);
});

test('the client knows the codes, frames and reasons of the contract, though it depends on nothing', async () => {
  expect(closeCodes).toEqual(contractCodes);
  const source = await readFile(join(packageDir, 'src/frames.ts'), 'utf8');
  for (const word of [...Object.keys(callFrames), ...callReasonSchema.options])
    expect(source).toContain(`'${word}'`);
  const { dependencies } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
});
