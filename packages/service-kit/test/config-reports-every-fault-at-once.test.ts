import {
  booleanField,
  busBlock,
  ConfigError,
  cidrListField,
  databaseBlock,
  describeConfig,
  internalTokenBlock,
  listField,
  loadConfig,
  logBlock,
  numberField,
  renderEnvExample,
  secondsField,
  serverBlock,
  setting,
  telemetryBlock,
  toBlockList,
  urlField,
} from '@switchboard/service-kit';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

const schema = z.object({
  server: serverBlock({ port: 3030 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
  feature: z.object({
    enabled: setting('FEATURE_ENABLED', booleanField().default(true), { description: 'Is it on' }),
    origins: setting('ORIGINS', listField().default(['*']), { description: 'Who may call' }),
    proxies: setting('TRUST_PROXY', cidrListField().optional(), {
      description: 'Proxies',
      example: '10.0.0.0/8',
    }),
    weight: setting('WEIGHT', numberField({ min: 0, max: 1, whole: false }).default(0.5), {
      description: 'Weight',
    }),
    wait: setting('WAIT_SECONDS', secondsField({ max: 60 }).default(1.5), { description: 'Wait' }),
  }),
});

const good = {
  DATABASE_URL: 'postgres://role:pa55@db/switchboard',
  NATS_URL: 'nats://nats:4222',
  INTERNAL_TOKEN_SECRET: 'x'.repeat(32),
};

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((fault) => fault.message);
    throw error;
  }
  throw new Error('the configuration was taken');
};

test('what is set wins, what is not set has its default, and types follow the schema', () => {
  const config = loadConfig(schema, { ...good, PORT: '4000', FEATURE_ENABLED: '0', ORIGINS: 'a, b,,c' });
  expect(config.server.port).toBe(4000);
  expect(config.server.drainSeconds).toBe(2);
  expect(config.feature).toEqual({
    enabled: false,
    origins: ['a', 'b', 'c'],
    proxies: undefined,
    weight: 0.5,
    wait: 1.5,
  });
  expectTypeOf(config.feature.enabled).toEqualTypeOf<boolean>();
  expectTypeOf(config.feature.origins).toEqualTypeOf<string[]>();
  expectTypeOf(config.internalToken.previousSecret).toEqualTypeOf<string | undefined>();
});

test('every fault is told at once, by name, with what is wrong and an example', () => {
  const faults = faultsOf({
    PORT: '70000',
    LOG_LEVEL: 'loud',
    NATS_URL: 'http://nats',
    FEATURE_ENABLED: 'yes',
  });
  expect(faults).toEqual([
    'PORT is "70000": must be a whole number from 0 to 65535.',
    'LOG_LEVEL is "loud": must be one of trace, debug, info, warn, error, fatal, silent.',
    expect.stringMatching(/^DATABASE_URL is missing: PostgreSQL.* Example: DATABASE_URL=postgres:\/\//),
    expect.stringMatching(
      /^NATS_URL has a value that cannot be used: must be a URL that begins with nats:\/\//,
    ),
    expect.stringMatching(/^INTERNAL_TOKEN_SECRET is missing/),
    'FEATURE_ENABLED is "yes": must be true, false, 1 or 0.',
  ]);
});

test('the value of a secret is never told', () => {
  const faults = faultsOf({
    ...good,
    INTERNAL_TOKEN_SECRET: 'hunter2',
    DATABASE_URL: 'mysql://u:hunter2@h/d',
  });
  expect(faults).toHaveLength(2);
  expect(faults.join()).not.toContain('hunter2');
});

test('an empty variable counts as unset, as compose files pass it', () => {
  const config = loadConfig(schema, { ...good, PORT: '', INTERNAL_TOKEN_SECRET_PREVIOUS: ' ' });
  expect(config.server.port).toBe(3030);
  expect(config.internalToken.previousSecret).toBeUndefined();
});

describe('fields', () => {
  const accepts = (field: z.ZodType, text: string) => field.safeParse(text).success;

  test.each(['12x', '1e3', '', '-1', '1.5', 'NaN'])('%j is not a whole number', (text) => {
    expect(accepts(numberField(), text)).toBe(false);
  });
  test.each(['localhost:3000', 'ftp://x', 'http://', 'postgres://x'])('%j is not an http URL', (text) => {
    expect(accepts(urlField(), text)).toBe(false);
  });
  test('a URL loses its last slash, so that paths can be put behind it', () => {
    expect(urlField().parse('http://x/y/')).toBe('http://x/y');
  });
  test.each(['10.0.0.0/33', '10.0.0', 'a', '::1/129', '1.2.3.4/8/8'])(
    '%j is not an address range',
    (text) => {
      expect(accepts(cidrListField(), text)).toBe(false);
    },
  );
  test('address ranges can be asked', () => {
    const list = toBlockList(cidrListField().parse('10.0.0.0/8, 192.0.2.1, 2001:db8::/32'));
    expect(list.check('10.1.2.3')).toBe(true);
    expect(list.check('192.0.2.2')).toBe(false);
    expect(list.check('2001:db8::1', 'ipv6')).toBe(true);
  });
});

test('a field that no variable fills is a mistake in the schema, found at boot', () => {
  expect(() => loadConfig(z.object({ a: z.object({ b: z.string() }) }), {})).toThrow('a.b has no setting()');
});

test('a config can be described, and described as a .env.example', () => {
  const settings = describeConfig(schema);
  expect(settings.find(({ name }) => name === 'PORT')).toMatchObject({
    default: '3030',
    required: false,
    group: 'server',
  });
  expect(settings.find(({ name }) => name === 'DATABASE_URL')).toMatchObject({
    required: true,
    secret: true,
  });
  expect(settings.find(({ name }) => name === 'ORIGINS')?.default).toBe('*');
  const text = renderEnvExample([settings, settings]);
  expect(text.match(/^# PORT=3030$/gm)).toHaveLength(1);
  expect(text).toMatch(/Required.*\n# DATABASE_URL=postgres:/);
  expect(text, 'a copy of it changes nothing').not.toMatch(/^[A-Z]/m);
  const named = [...text.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map((match) => match[1]);
  expect(named).toEqual(settings.map(({ name }) => name));
});
