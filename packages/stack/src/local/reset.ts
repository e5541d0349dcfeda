import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { localDir } from '../paths.ts';
import { outsideDataDir } from '../postgres/binaries.ts';
import { localFiles } from './files.ts';

/** Removes everything a start made, but for the programs it fetched. The stack must not run. */
export async function resetLocal(): Promise<void> {
  const paths = [
    join(localDir, 'postgres'),
    outsideDataDir(),
    localFiles.nats,
    localFiles.storage,
    localFiles.logs,
    localFiles.demo,
    localFiles.stack,
    localFiles.secrets,
  ];
  for (const path of paths) await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
