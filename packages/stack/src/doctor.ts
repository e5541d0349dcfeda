import { localFiles } from './local/files.ts';
import { takeLock } from './local/lock.ts';
import { renderChecks, runPreflight } from './preflight/preflight.ts';

const lock = takeLock(localFiles.lock);
const isRunning = 'holder' in lock;
if (!isRunning) lock.release();
const checks = await runPreflight({ isRunning });
console.log(renderChecks(checks));
if (checks.some((check) => !check.ok)) {
  console.log('\nMend what says FAIL, then: npm start');
  process.exitCode = 1;
} else if (isRunning) {
  console.log(`\nThe local stack runs (process ${lock.holder.pid}).`);
} else {
  console.log('\nEverything is ready: npm start');
}
