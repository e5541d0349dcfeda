import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of more than 15 s. They begin first, or one worker ends with one of them while the others have nothing. */
const longestFirst = [
  'tests/hostile-callers-of-calls-get-nowhere.test.ts',
  'tests/main-job.test.ts',
  'tests/crashes-lose-nothing.test.ts',
  'tests/webhooks-survive-crashes.test.ts',
  'apps/ai-service/test/recordings-are-understood.test.ts',
  'tests/calls-survive-crashes.test.ts',
  'tests/followers-of-tickets-end-with-the-truth.test.ts',
  'tests/tickets-examples-run-as-written.test.ts',
  'tests/postman-collections-run.test.ts',
  'tests/identity-survives-crashes.test.ts',
  'apps/gateway/test/no-request-fails-on-restarts.test.ts',
  'packages/stack/test/npm-start-runs-the-main-job.test.ts',
  'tests/partner-examples-run-as-written.test.ts',
  'apps/ai-service/test/hostile-recordings-hurt-nothing.test.ts',
  'packages/bus/test/every-message-is-handled.test.ts',
  'packages/db/test/effects-happen-once.test.ts',
  'packages/db/test/outbox-publishes-everything.test.ts',
  'apps/webhook-dispatcher/test/crashes-lose-nothing.test.ts',
  'tests/webhooks-reach-everybody.test.ts',
  'tests/calls-followed-through-several-gateways.test.ts',
  'tests/guide-snippets-run-as-written.test.ts',
  'packages/service-kit/test/services-stop-without-losing-requests.test.ts',
];

/** As vitest would (what took longest last time, else what is largest), but for those: a fresh clone knows no times. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longestFirst.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at === -1 ? longestFirst.length : at;
    };
    return (await super.sort(files)).toSorted((left, right) => rank(left) - rank(right));
  }
}

export default defineConfig({
  test: {
    include: ['apps/*/test/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
    globalSetup: ['packages/stack/src/testing/global-setup.ts'],
    setupFiles: ['packages/stack/src/testing/setup-file.ts'],
    pool: 'forks',
    // One process for each worker instead of one for each of 150 files, which costs 1.3 s of CPU each: to load vitest, zod,
    // the contracts and fastify. A file closes what it opens; `--isolate` shows whether one disturbs another.
    isolate: false,
    // Two cores are busy with three: files wait for clocks, and start real services that work beside them.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    // Services are what is tested; their environment comes from the tests, not from vitest.
    env: { TZ: 'UTC' },
  },
});
