import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const runScript = fileURLToPath(new URL('../../../scripts/run.mjs', import.meta.url));

// A disk of 4 MB for the program that is started: the one part of the machine that cannot be had for a test.
const SMALL_DISK = `data:text/javascript,${encodeURIComponent(`
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  fs.statfsSync = () => ({ bavail: 1024, bsize: 4096 });
  syncBuiltinESMExports();
`)}`;

test('a fresh checkout on a full disk is told so in place of minutes of silence', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'switchboard-full-'));
  try {
    await mkdir(join(dir, 'scripts'));
    await copyFile(runScript, join(dir, 'scripts/run.mjs'));
    await writeFile(join(dir, 'package-lock.json'), '{"packages":{}}');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', SMALL_DISK, join(dir, 'scripts/run.mjs'), 'entry.ts'],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('The disk is full: 0.0 GB are free');
    expect(stderr).toContain('or clone onto a larger disk');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
