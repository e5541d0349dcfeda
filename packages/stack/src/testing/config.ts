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

/** Which of vitest's parallel workers this is, from 1. */
export function workerNumber(): number {
  return Number(process.env.VITEST_POOL_ID ?? '1');
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
