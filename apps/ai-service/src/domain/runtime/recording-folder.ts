import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'switchboard-recording-';
/** Programs work on a recording for minutes at most. */
const FORGOTTEN_MS = 60 * 60 * 1000;

/** A folder for a program that reads a recording from files. Whoever makes it removes it, whatever happens. */
export const makeRecordingFolder = (): Promise<string> => mkdtemp(join(tmpdir(), PREFIX));

/** Removes the folders of processes that were killed: pieces of callers' recordings are in them. Gives how many. */
export const removeForgottenRecordings = async (now: Date): Promise<number> => {
  let removed = 0;
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const about = await stat(folder).catch(() => null);
    if (!about || now.getTime() - about.mtimeMs < FORGOTTEN_MS) continue;
    await rm(folder, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
};
