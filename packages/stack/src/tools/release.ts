import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from './run.ts';
import type { ReleaseFile } from './table.ts';

// An offline machine must move on to the next way quickly; a slow line must still be able to finish.
const ANSWER_MS = 6_000;
const WHOLE_MS = 180_000;

/** Downloads a pinned release, refuses it unless its SHA-256 is the pinned one, and gives the unpacked program. */
export async function fetchRelease(release: ReleaseFile, scratchDir: string): Promise<string> {
  const bytes = await download(release.url);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== release.sha256) {
    throw new Error(
      `${release.url} has SHA-256 ${sha256}, but ${release.sha256} is pinned: refused. Somebody altered it on the way, or a proxy answered instead.`,
    );
  }
  const archive = join(scratchDir, 'release.tar.gz');
  await writeFile(archive, bytes);
  await runToEnd('tar', ['-xzf', archive, '-C', scratchDir, release.member], { timeoutMs: 60_000 });
  return join(scratchDir, release.member);
}

async function download(url: string): Promise<Buffer> {
  const abort = new AbortController();
  const noAnswer = setTimeout(() => abort.abort(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  const tooSlow = setTimeout(() => abort.abort(new Error(`not done within ${WHOLE_MS} ms`)), WHOLE_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(noAnswer);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${url} was not reached`, { cause: deepestCause(error) });
  } finally {
    clearTimeout(noAnswer);
    clearTimeout(tooSlow);
  }
}

function deepestCause(error: unknown): unknown {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  return current;
}
