import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeRecordingFolder, removeForgottenRecordings } from '../src/domain/runtime/recording-folder.ts';

test('what a killed process left of a recording goes; what a living one works on, and what others keep, stays', async () => {
  const own = await mkdtemp(join(tmpdir(), 'forgotten-'));
  vi.stubEnv('TMPDIR', own);
  try {
    const forgotten = await makeRecordingFolder();
    const inUse = await makeRecordingFolder();
    await writeFile(join(forgotten, 'piece-0.wav'), 'somebody spoke');
    await mkdir(join(own, 'of-somebody-else'));
    const longAgo = new Date('2026-01-01T00:00:00.000Z');
    await utimes(forgotten, longAgo, longAgo);
    await utimes(join(own, 'of-somebody-else'), longAgo, longAgo);
    expect(await removeForgottenRecordings(new Date())).toBe(1);
    expect((await readdir(own)).map((name) => join(own, name)).sort()).toEqual(
      [inUse, join(own, 'of-somebody-else')].sort(),
    );
  } finally {
    vi.unstubAllEnvs();
    await rm(own, { recursive: true, force: true });
  }
});
