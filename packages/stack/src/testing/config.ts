/** What the test run's set-up tells its workers. */
export interface TestStack {
  /** The superuser's URL of database `postgres`. */
  adminUrl: string;
  /** The password of every role that tests connect with. */
  rolePassword: string;
  templateDatabase: string;
  natsPort: number;
  natsAccounts: number;
}

const VARIABLE = 'SWITCHBOARD_TEST_STACK';

/** Leaves the set-up's facts for workers, which inherit the environment. */
export function publishTestStack(stack: TestStack): void {
  process.env[VARIABLE] = JSON.stringify(stack);
}

/** The facts of this run; an error that says what to do when there is no run. */
export function currentTestStack(): TestStack {
  const text = process.env[VARIABLE];
  if (text) return JSON.parse(text);
  throw new Error(
    'No test stack runs. Start tests through `npm test`, or `npx vitest run <files>` in the root, where vitest.config.ts names the set-up.',
  );
}

export const WORKERS_MAX = 8;
const FILES_VARIABLE = 'SWITCHBOARD_TEST_FILES_BEGUN';

/** Told at the beginning of every test file: one worker runs many. */
export function beginTestFile(): void {
  process.env[FILES_VARIABLE] = String(filesBegun() + 1);
}

const filesBegun = (): number => Number(process.env[FILES_VARIABLE] ?? '0');

/**
 * The NATS account of the present test file: another one than that of the file before, so that what a failed file left
 * listening answers nobody else's questions.
 */
export function natsAccountNumber(): number {
  const { natsAccounts } = currentTestStack();
  const worker = Number(process.env.VITEST_POOL_ID ?? '1');
  if (worker > WORKERS_MAX)
    throw new Error(`There are NATS accounts for ${WORKERS_MAX} workers: lower maxWorkers.`);
  return worker + WORKERS_MAX * (filesBegun() % Math.floor(natsAccounts / WORKERS_MAX));
}

/** Variables every process started by a test gets: enough to run, nothing that would change its behaviour. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG, NODE_COMPILE_CACHE } = process.env;
  return {
    ...(PATH && { PATH }),
    ...(HOME && { HOME }),
    ...(TMPDIR && { TMPDIR }),
    ...(LANG && { LANG }),
    ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }),
    TZ: 'UTC',
  };
}
