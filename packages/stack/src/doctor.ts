import { localFiles } from './local/files.ts';
import { takeLock } from './local/lock.ts';
import { renderChecks, runPreflight } from './preflight/preflight.ts';

const lock = takeLock(localFiles.lock);
if ('holder' in lock) {
  console.log(`The local stack runs (process ${lock.holder.pid}): its own ports count as taken below.\n`);
} else {
  lock.release();
}
const checks = await runPreflight();
console.log(renderChecks(checks));
if (checks.every((check) => check.ok)) {
  console.log('\nEverything is ready: npm start');
} else if (!('holder' in lock)) {
  console.log('\nMend what says FAIL, then: npm start');
  process.exitCode = 1;
}
