import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { checkKey } from './keys.ts';
import type { Storage } from './storage.ts';

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** A name outlives a crash of the machine once the directory that holds it is on the disk. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};

const openFile = async (path: string): Promise<FileHandle | null> => {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};

/** Of a put under way: no key begins with a dot, and `delete` finds what a process that died has left. */
const partPrefixOf = (path: string): string => `.${basename(path)}.`;

/**
 * Files in a directory, for one machine, or for several that share it. An object is written beside its place, brought to the
 * disk and renamed: whoever is killed meanwhile leaves the object whole or not there.
 */
export const createLocalStorage = (options: { readonly directory: string }): Storage => {
  const root = resolve(options.directory);

  const pathOf = (key: string): string => {
    checkKey(key);
    return join(root, key);
  };
  /** A link in the directory may lead out of it; nothing is written or read there. */
  const assertInside = async (directory: string): Promise<void> => {
    const [realRoot, real] = await Promise.all([realpath(root), realpath(directory)]);
    if (real !== realRoot && !real.startsWith(`${realRoot}${sep}`)) {
      throw new Error(`${directory} leads out of the storage directory`);
    }
  };
  const makeDirectory = async (directory: string): Promise<void> => {
    const first = await mkdir(directory, { recursive: true, mode: 0o700 });
    await assertInside(directory);
    if (first === undefined) return;
    for (let made = directory; made.length >= first.length; made = dirname(made)) {
      await syncDirectory(dirname(made));
    }
  };

  const put: Storage['put'] = async (key, bytes) => {
    const path = pathOf(key);
    const directory = dirname(path);
    await makeDirectory(directory);
    const part = join(directory, `${partPrefixOf(path)}${randomUUID()}`);
    try {
      const file = await open(part, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    await syncDirectory(directory);
  };

  return {
    put,
    async get(key) {
      const path = pathOf(key);
      const file = await openFile(path);
      if (!file) return null;
      try {
        await assertInside(dirname(path));
        const { size } = await file.stat();
        // Whoever does not read the body to its end destroys it, which closes the file.
        return { sizeBytes: size, body: file.createReadStream() };
      } catch (error) {
        await file.close();
        throw error;
      }
    },
    async delete(key) {
      const path = pathOf(key);
      const directory = dirname(path);
      let names: string[];
      try {
        names = await readdir(directory);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      await assertInside(directory);
      const gone = names.filter((name) => name === basename(path) || name.startsWith(partPrefixOf(path)));
      if (gone.length === 0) return;
      for (const name of gone) await rm(join(directory, name), { force: true });
      await syncDirectory(directory);
    },
    async check() {
      const probe = join(root, `.check.${randomUUID()}`);
      try {
        await mkdir(root, { recursive: true, mode: 0o700 });
        const file = await open(probe, 'wx', 0o600);
        await file.close();
        await rm(probe);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`Files cannot be stored in STORAGE_DIRECTORY (${root}): ${why}`, { cause });
      }
    },
  };
};
