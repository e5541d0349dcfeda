import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stackEnvironment } from './config.ts';
import { askedToEnd } from './local/shutdown.ts';
import { repositoryDir } from './paths.ts';
import { endStragglers, RUN_VARIABLE } from './process/stragglers.ts';
import { startHalts } from './test-run/halts.ts';
import { runTests } from './test-run/run-tests.ts';
import { renderTotals, totalsOf } from './test-run/totals.ts';

const dir = await mkdtemp(join(tmpdir(), 'switchboard-results-'));
const resultsPath = join(dir, 'results.json');
const runId = `test-${process.pid}-${Date.now()}`;

const { all, testHaltSeconds } = stackEnvironment();
const endHalts = testHaltSeconds > 0 ? startHalts(runId, testHaltSeconds) : null;

const exitCode = await runTests({
  cwd: repositoryDir,
  args: process.argv.slice(2),
  resultsPath,
  env: { ...all, [RUN_VARIABLE]: runId },
  asked: askedToEnd(),
});
if (endHalts) console.log(`Processes of this run were halted ${await endHalts()} times.`);
const leaked = await endStragglers(runId, 60_000);
for (const process of leaked) console.error(`A test left a process running: ${process}`);

const totals = totalsOf(await readFile(resultsPath, 'utf8').catch(() => ''), exitCode, leaked.length);
await rm(dir, { recursive: true, force: true });
console.log(renderTotals(totals));
// Something of vitest may still hold the loop; everything that matters is done.
process.exit(totals.failed > 0 ? 1 : 0);
