import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readJson, takeLock, writePrivateJson } from '@switchboard/stack';
import { z } from 'zod';
import { OperatorError } from '../command.ts';

/** TERMINOLOGY — *session*: what a sign-in at one gateway gave: an access token for an hour, and what renews it. */
const sessionSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  /** Epoch seconds. */
  expiresAt: z.number(),
});
export type Session = z.infer<typeof sessionSchema>;

const fileSchema = z.object({
  /** The gateway that was signed in to last: commands go there unless told otherwise. */
  current: z.string().nullable(),
  sessions: z.record(z.string(), sessionSchema),
});
type Sessions = z.infer<typeof fileSchema>;

const LOCK_WAIT_MS = 20_000;
const LOCK_POLL_MS = 50;

/** The sessions of this user, in a file that nobody else may read. */
export interface SessionStore {
  readonly path: string;
  read(url: string): Promise<Session | undefined>;
  readCurrent(): Promise<string | undefined>;
  /** Runs alone among all commands of this user: a refresh token is good for one refresh. */
  exclusively<Result>(work: (change: SessionChange) => Promise<Result>): Promise<Result>;
}

export interface SessionChange {
  read(url: string): Promise<Session | undefined>;
  write(url: string, session: Session, options?: { readonly makeCurrent?: boolean }): Promise<void>;
  remove(url: string): Promise<void>;
}

const withLock = async <Result>(path: string, work: () => Promise<Result>): Promise<Result> => {
  const deadline = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    const lock = takeLock(path);
    if ('release' in lock) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (performance.now() > deadline) {
      throw new OperatorError(
        `Another command (process ${lock.holder.pid}) has held ${path} for ${LOCK_WAIT_MS / 1000} s. End it, then try again.`,
      );
    }
    await pause(LOCK_POLL_MS);
  }
};

export const createSessionStore = (configDir: string): SessionStore => {
  const path = join(configDir, 'sessions.json');
  const load = async (): Promise<Sessions> => {
    const kept = fileSchema.safeParse(await readJson(path));
    return kept.success ? kept.data : { current: null, sessions: {} };
  };
  const read = async (url: string) => (await load()).sessions[url];
  const change: SessionChange = {
    read,
    async write(url, session, { makeCurrent = false } = {}) {
      const { current, sessions } = await load();
      await writePrivateJson(path, {
        current: makeCurrent ? url : current,
        sessions: { ...sessions, [url]: session },
      });
    },
    async remove(url) {
      const { current, sessions } = await load();
      const { [url]: _removed, ...others } = sessions;
      await writePrivateJson(path, { current: current === url ? null : current, sessions: others });
    },
  };
  return {
    path,
    read,
    readCurrent: async () => (await load()).current ?? undefined,
    async exclusively(work) {
      try {
        await mkdir(configDir, { recursive: true, mode: 0o700 });
        return await withLock(`${path}.lock`, () => work(change));
      } catch (error) {
        if (
          error instanceof Error &&
          'code' in error &&
          ['EACCES', 'EROFS', 'EPERM'].includes(String(error.code))
        )
          throw new OperatorError(
            `${configDir} cannot be written to: ${error.message}. Set XDG_CONFIG_HOME to a directory of yours, or SWITCHBOARD_TOKEN.`,
          );
        throw error;
      }
    },
  };
};
