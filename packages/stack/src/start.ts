import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { localFiles } from './local/files.ts';
import { readRunningStack } from './local/left-for-tools.ts';
import { takeLock } from './local/lock.ts';
import { runLocalStack } from './local/run.ts';
import { repositoryDir } from './paths.ts';

const envFile = join(repositoryDir, '.env');
if (existsSync(envFile)) process.loadEnvFile(envFile);

const known = ['--reset'];
const unknown = process.argv.slice(2).filter((argument) => !known.includes(argument));
const lock = takeLock(localFiles.lock);
if (unknown.length > 0) {
  if (!('holder' in lock)) lock.release();
  console.error(`Unknown argument ${unknown.join(' ')}. There is one: npm start -- --reset (begin anew).`);
  process.exitCode = 2;
} else if ('holder' in lock) {
  const running = await readRunningStack();
  const where = running ? ` at ${running.baseUrl}` : '';
  console.error(
    `\nThe local stack of this checkout runs already${where} (process ${lock.holder.pid}).\nUse that one, or end it first: Ctrl-C in its terminal, or kill ${lock.holder.pid}\n`,
  );
  process.exitCode = 1;
} else {
  process.exitCode = await runLocalStack({ reset: process.argv.includes('--reset') });
  lock.release();
}
