import { ConfigError, loadConfig } from '@switchboard/service-kit';
import { expect, it } from 'vitest';
import { configSchema } from '../src/config.ts';

const needed = {
  DATABASE_URL: 'postgres://127.0.0.1/none',
  NATS_URL: 'nats://127.0.0.1',
  INTERNAL_TOKEN_SECRET: 'a-secret-of-enough-length-for-this-test',
  IDENTITY_ENCRYPTION_KEY: 'another-secret-of-enough-length-for-it',
};

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(configSchema, { ...needed, ...env });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ name }) => name);
  }
};

it('names the missing half of each client of a provider, beside every other fault', () => {
  expect(
    faultsOf({ GOOGLE_CLIENT_ID: 'x', TWITTER_CLIENT_SECRET: 'y', TWITTER_ISSUER_URL: 'http://far.example' }),
  ).toEqual(['TWITTER_ISSUER_URL', 'GOOGLE_CLIENT_SECRET', 'TWITTER_CLIENT_ID']);
});

it('takes both halves, and neither', () => {
  expect(faultsOf({})).toEqual([]);
  expect(faultsOf({ GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y' })).toEqual([]);
});
