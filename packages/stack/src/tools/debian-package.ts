import { existsSync, globSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runToEnd } from './run.ts';

export interface Unpacked {
  program: string;
  /** Directories with the shared libraries this machine lacks; empty when the program needs none. */
  libraryDirs: string[];
}

/**
 * Unpacks a Debian or Ubuntu package, and those it needs that are not installed here, into `targetDir`. Nothing is
 * installed and the system's package lists are not touched: lists and downloads go to directories of our own, so it
 * works for an ordinary user too.
 */
export async function unpackDebianPackage(
  wanted: { package: string; program: string },
  scratchDir: string,
  targetDir: string,
): Promise<Unpacked> {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg')) {
    throw new Error('this system has no apt-get and dpkg');
  }
  const own = await ownAptOptions(scratchDir);
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (args: string[], timeoutMs: number) =>
    runToEnd('apt-get', args, { cwd: scratchDir, env, timeoutMs });

  // A mirror that cannot be reached is no reason to give up: the system's own lists may still be good.
  const refreshed = await apt([...own, 'update'], 90_000).then(
    () => true,
    () => false,
  );
  const options = refreshed ? own : [];
  const packages = await missingPackages(wanted.package, (args) => apt([...options, ...args], 120_000));
  await apt([...options, ...networkOptions, 'download', ...packages], 120_000);

  const unpackDir = join(scratchDir, 'unpacked');
  await mkdir(unpackDir, { recursive: true });
  for (const file of await readdir(scratchDir)) {
    if (!file.endsWith('.deb')) continue;
    await runToEnd('dpkg', ['-x', join(scratchDir, file), unpackDir], { timeoutMs: 60_000 });
  }
  await rm(targetDir, { recursive: true, force: true });
  await mkdir(dirname(targetDir), { recursive: true });
  await rename(unpackDir, targetDir);
  const [found] = globSync(wanted.program, { cwd: targetDir });
  if (found === undefined) throw new Error(`package ${wanted.package} holds no ${wanted.program}`);
  return { program: join(targetDir, found), libraryDirs: await findLibraryDirs(targetDir) };
}

const networkOptions = [
  '-o',
  'Acquire::Retries=1',
  '-o',
  'Acquire::http::Timeout=8',
  '-o',
  'Acquire::https::Timeout=8',
];

async function ownAptOptions(scratchDir: string): Promise<string[]> {
  const lists = join(scratchDir, 'apt/lists');
  const cache = join(scratchDir, 'apt/cache');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives/partial'), { recursive: true });
  const settings = [
    `Dir::State::lists=${lists}`,
    `Dir::Cache=${cache}`,
    'Debug::NoLocking=1',
    'Acquire::Languages=none',
    // As root, apt would hand the download to a user who cannot enter a private checkout.
    'APT::Sandbox::User=root',
  ];
  return [...settings.flatMap((setting) => ['-o', setting]), ...networkOptions];
}

/** The package and what it needs that is not installed, as a simulated installation names them. */
async function missingPackages(name: string, apt: (args: string[]) => Promise<string>): Promise<string[]> {
  const plan = await apt(['install', '--simulate', '--no-install-recommends', name]);
  const names = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  return names.includes(name) ? names : [name, ...names];
}

async function findLibraryDirs(dir: string): Promise<string[]> {
  const found = new Set<string>();
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (/\.so(\.|$)/.test(entry.name)) found.add(entry.parentPath);
  }
  return [...found];
}
