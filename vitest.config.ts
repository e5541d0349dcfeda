import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['apps/*/test/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
    globalSetup: ['packages/stack/src/testing/global-setup.ts'],
    pool: 'forks',
    // Tests start real services beside them: more workers than this only wait for each other on two cores.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    // Services are what is tested; their environment comes from the tests, not from vitest.
    env: { TZ: 'UTC' },
  },
});
