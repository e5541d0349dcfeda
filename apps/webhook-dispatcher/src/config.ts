import { Resolver } from 'node:dns';
import {
  booleanField,
  busBlock,
  databaseBlock,
  internalTokenBlock,
  listField,
  loadConfig,
  logBlock,
  numberField,
  secondsField,
  secretField,
  serverBlock,
  setting,
  telemetryBlock,
  urlField,
} from '@switchboard/service-kit';
import { z } from 'zod';
import { partnerScheduleSeconds, standardScheduleSeconds } from './domain/deliveries/schedule.ts';

const scheduleField = () =>
  listField().transform((words, ctx): readonly number[] => {
    const seconds = words.map(Number);
    if (seconds.length > 0 && seconds.every((each) => Number.isFinite(each) && each >= 0)) return seconds;
    ctx.addIssue({ code: 'custom', message: 'must be seconds divided by commas, such as 0,60,300' });
    return z.NEVER;
  });

/** Addresses, because a name would need a name server. */
const nameServersField = () =>
  listField().transform((servers, ctx): readonly string[] => {
    try {
      if (servers.length > 0) {
        new Resolver().setServers(servers);
        return servers;
      }
    } catch {
      // Said below.
    }
    ctx.addIssue({
      code: 'custom',
      message: 'must be addresses divided by commas, with ports if need be (10.0.0.2, [fd00::2]:5353)',
    });
    return z.NEVER;
  });

export const configSchema = z.object({
  server: serverBlock({ port: 3070 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
  webhooks: z.object({
    secret: setting('WEBHOOK_SECRET', secretField(16), {
      description: "Partners' webhook secrets are derived from it; the same in partner-service",
      example: 'generate-with-openssl-rand-base64-48-and-keep-it',
      secret: true,
    }),
    encryptionKey: setting('WEBHOOK_ENCRYPTION_KEY', secretField(32), {
      description:
        'Encrypts secrets and headers of endpoints and the keys that sign; back it up apart from the database',
      example: 'generate-with-openssl-rand-base64-48-and-keep-it',
      secret: true,
    }),
    previousEncryptionKey: setting('WEBHOOK_ENCRYPTION_KEY_PREVIOUS', secretField(32).optional(), {
      description:
        'The key before the last change: what it encrypted is still read, and encrypted anew within a day',
      secret: true,
    }),
    partnerScheduleSeconds: setting(
      'WEBHOOK_PARTNER_SCHEDULE_SECONDS',
      scheduleField().prefault(partnerScheduleSeconds.join(',')),
      {
        description:
          'When callbacks to partners are attempted: seconds after acceptance, then after each failed attempt',
      },
    ),
    standardScheduleSeconds: setting(
      'WEBHOOK_STANDARD_SCHEDULE_SECONDS',
      scheduleField().prefault(standardScheduleSeconds.join(',')),
      {
        description:
          'The same for endpoints that have no schedule of their own; each step varies by 20 % either way',
      },
    ),
    disableAfterHours: setting(
      'WEBHOOK_DISABLE_AFTER_HOURS',
      numberField({ min: 1, max: 8760 }).default(120),
      {
        description: 'An endpoint with nothing but failures for this long is disabled, and its owner told',
      },
    ),
    timeoutSeconds: setting('WEBHOOK_TIMEOUT_SECONDS', secondsField({ min: 0.1, max: 300 }).default(30), {
      description: 'Time a receiver has to answer an attempt',
    }),
    allowPrivateTargets: setting('WEBHOOK_ALLOW_PRIVATE_TARGETS', booleanField().default(false), {
      description:
        'Sandbox callbacks may go to this machine and private networks; for local work and tests only',
    }),
    proxyUrl: setting('WEBHOOK_PROXY_URL', urlField(['http', 'https']).optional(), {
      description: 'Egress proxy that all callbacks go through',
      example: 'http://proxy.internal:3128',
    }),
    dnsServers: setting('WEBHOOK_DNS_SERVERS', nameServersField().optional(), {
      description:
        'Name servers that alone are asked for addresses of targets, with ports if need be; default: those of the system, and /etc/hosts',
      example: '10.0.0.2,10.0.0.3:5353',
    }),
    concurrency: setting('WEBHOOK_CONCURRENCY', numberField({ min: 1, max: 10_000 }).default(500), {
      description: 'Most attempts this process makes at a time',
    }),
    concurrencyPerHost: setting(
      'WEBHOOK_CONCURRENCY_PER_HOST',
      numberField({ min: 1, max: 1000 }).default(20),
      {
        description: 'Most attempts this process makes at a time to one target: what a hanging one can hold',
      },
    ),
    concurrencyPerOwner: setting(
      'WEBHOOK_CONCURRENCY_PER_OWNER',
      numberField({ min: 1, max: 10_000 }).default(100),
      {
        description:
          'Most attempts this process makes at a time for one owner, whatever number of targets it has',
      },
    ),
    leaseSeconds: setting('WEBHOOK_LEASE_SECONDS', secondsField({ min: 1, max: 600 }).default(30), {
      description:
        'After this time the deliveries of a process that died go to another; a live one keeps its own',
    }),
    payloadDays: setting('WEBHOOK_PAYLOAD_DAYS', numberField({ min: 1 }).default(30), {
      description: 'Days that the bodies of finished messages are kept',
    }),
    attemptDays: setting('WEBHOOK_ATTEMPT_DAYS', numberField({ min: 1 }).default(90), {
      description: 'Days that attempts and finished deliveries are kept',
    }),
  }),
});

export type Config = z.output<typeof configSchema>;

/** Throws `ConfigError` with every fault. */
export const readConfig = (env: NodeJS.ProcessEnv = process.env): Config => loadConfig(configSchema, env);
