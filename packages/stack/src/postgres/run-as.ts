import { spawn, spawnSync } from 'node:child_process';

/** The user a program runs as; no ids when it is ourselves. */
export interface RunAs {
  name: string;
  uid: number | undefined;
  gid: number | undefined;
}

/**
 * Postgres refuses to run as root. As root it gets the system's `postgres` user, else `nobody`, else a user made for
 * it; as anybody else it runs as that user.
 */
export function choosePostgresUser(): RunAs {
  if (process.getuid?.() !== 0) return { name: 'you', uid: undefined, gid: undefined };
  const found = lookUp('postgres') ?? lookUp('nobody');
  if (found) return found;
  spawnSync('useradd', ['--system', '--no-create-home', 'postgres']);
  const made = lookUp('postgres');
  if (made) return made;
  throw new Error(
    'Postgres does not run as root, and there is no user postgres or nobody to run it as. Add one (useradd --system postgres), start as an ordinary user, or set DATABASE_URL.',
  );
}

function lookUp(name: string): RunAs | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const answer = spawnSync('id', [flag, name], { encoding: 'utf8' });
    return answer.status === 0 ? Number(answer.stdout.trim()) : Number.NaN;
  });
  if (uid === undefined || gid === undefined || Number.isNaN(uid) || Number.isNaN(gid) || uid === 0)
    return undefined;
  return { name, uid, gid };
}

/** Whether that user can run this program with success. */
export function runsAs(command: string, args: readonly string[], runAs: RunAs): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', cwd: '/', timeout: 10_000, ...ids(runAs) });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

/** The ids for `spawn`; nothing when the program runs as ourselves. */
export function ids(runAs: RunAs): { uid?: number; gid?: number } {
  return runAs.uid === undefined || runAs.gid === undefined ? {} : { uid: runAs.uid, gid: runAs.gid };
}
