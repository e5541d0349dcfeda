import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { stackEnvironment } from '../config.ts';
import { localDir } from '../paths.ts';
import { unpackDebianPackage } from './debian-package.ts';
import { fetchRelease } from './release.ts';
import { runToEnd } from './run.ts';
import { type Tool, type ToolName, tools } from './table.ts';

export interface BringOptions {
  /** The directories to look in first; `PATH` by default. */
  path?: string | undefined;
  /** Where a brought program is kept. */
  dir?: string;
  platform?: string;
  onNote?: (note: string) => void;
}

/**
 * Finds or fetches a program and gives the path to run it: from `PATH`, else what was brought before, else the
 * pinned release checked by its SHA-256, else the distribution's package unpacked without installing it. The error
 * says why each way failed and what to type.
 */
export async function bringTool(name: ToolName, options: BringOptions = {}): Promise<string> {
  return bring(tools[name], options);
}

/** As `bringTool`, for a tool outside the table. */
export async function bring(tool: Tool, options: BringOptions = {}): Promise<string> {
  const dir = options.dir ?? localDir;
  const note = options.onNote ?? (() => undefined);
  const path = options.path ?? stackEnvironment().path;
  for (const name of [tool.name, ...(tool.alsoAs ?? [])]) {
    const onPath = await findOnPath(name, path);
    if (onPath) return onPath;
  }
  const kept = join(dir, 'bin', tool.name);
  if (await isRunnable(tool, kept)) return kept;

  const failures: string[] = [];
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  const scratch = await makeScratchDir(dir);
  try {
    const release = tool.releases[platform];
    if (release) {
      try {
        note(`fetching ${release.url}`);
        const program = await fetchRelease(release, scratch);
        return await keep(tool, program, kept);
      } catch (error) {
        failures.push(`release: ${wordsOf(error)}`);
      }
    }
    if (platform.startsWith('linux-')) {
      try {
        note(`unpacking the distribution's package ${tool.debian.package} (nothing is installed)`);
        const unpacked = join(dir, 'tools', tool.name);
        const { program, libraryDirs } = await unpackDebianPackage(tool.debian, scratch, unpacked);
        if (libraryDirs.length === 0) {
          const alone = await keep(tool, program, kept);
          await rm(unpacked, { recursive: true, force: true });
          return alone;
        }
        return await keepWithLibraries(tool, program, libraryDirs, kept);
      } catch (error) {
        failures.push(`distribution's package: ${wordsOf(error)}`);
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const remedy = platform.startsWith('darwin') ? tool.remedies.darwin : tool.remedies.linux;
  throw new Error(
    [
      `${tool.name} is needed and could not be had.`,
      ...failures.map((failure) => `  - ${failure}`),
      `Install it:     ${remedy}`,
      `or put it at:   ${kept}`,
      `or use yours:   ${tool.instead}`,
    ].join('\n'),
  );
}

async function makeScratchDir(dir: string): Promise<string> {
  await mkdir(join(dir, 'bin'), { recursive: true });
  return mkdtemp(join(dir, 'bringing-'));
}

async function findOnPath(name: string, path: string | undefined): Promise<string | undefined> {
  if (isAbsolute(name)) return (await isExecutable(name)) ? name : undefined;
  // Debian keeps servers in sbin, which an ordinary user's PATH leaves out.
  const dirs = [
    ...(path ?? '').split(delimiter),
    ...(path === undefined ? [] : ['/usr/sbin', '/usr/local/sbin']),
  ];
  for (const dir of dirs) {
    if (dir === '') continue;
    const candidate = join(dir, name);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function proveRunning({ versionArgs, versionExitCode = 0 }: Tool, program: string): Promise<void> {
  await runToEnd(program, versionArgs, { timeoutMs: 30_000, exitCode: versionExitCode });
}

async function isRunnable(tool: Tool, program: string): Promise<boolean> {
  try {
    await access(program, constants.X_OK);
    await proveRunning(tool, program);
    return true;
  } catch {
    return false;
  }
}

/** Moves a program to its place in one step, so that a second starter never sees half of it. */
async function keep(tool: Tool, program: string, kept: string): Promise<string> {
  const beside = `${kept}.${process.pid}`;
  await copyFile(program, beside);
  return await settle(tool, beside, kept);
}

async function keepWithLibraries(tool: Tool, program: string, libraryDirs: string[], kept: string) {
  const beside = `${kept}.${process.pid}`;
  const libraries = libraryDirs.map((dir) => `'${dir}'`).join(':');
  // exec keeps the process id: signals reach the program itself.
  const script = `#!/bin/sh\nLD_LIBRARY_PATH=${libraries} exec '${program}' "$@"\n`;
  await writeFile(beside, script);
  return await settle(tool, beside, kept);
}

async function settle(tool: Tool, beside: string, kept: string): Promise<string> {
  await chmod(beside, 0o755);
  try {
    await proveRunning(tool, beside);
    await rename(beside, kept);
  } finally {
    await rm(beside, { force: true });
  }
  return kept;
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && error.cause !== error ? ` (${error.cause.message})` : '';
  return `${error.message}${error.message.includes(cause) ? '' : cause}`;
}
