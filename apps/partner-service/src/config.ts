import {
  booleanField,
  busBlock,
  databaseBlock,
  internalTokenBlock,
  loadConfig,
  logBlock,
  numberField,
  secondsField,
  secretField,
  serverBlock,
  setting,
  telemetryBlock,
} from '@switchboard/service-kit';
import { z } from 'zod';

const MEBIBYTE = 1024 * 1024;

export const configSchema = z.object({
  server: serverBlock({ port: 3030 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
  partner: z.object({
    enabled: setting('PARTNER_API_ENABLED', booleanField().default(true), {
      description: 'false switches the partner API off: every call of it answers 503',
    }),
    webhookSecret: setting('WEBHOOK_SECRET', secretField(16), {
      description: "What partners' webhook secrets are derived from; changing it changes all of them",
      example: 'your-secure-random-string-here',
      secret: true,
    }),
    allowPrivateTargets: setting('WEBHOOK_ALLOW_PRIVATE_TARGETS', booleanField().default(false), {
      description:
        'true lets callbacks and recordings be on private addresses; for local work and tests only',
    }),
  }),
  uploads: z.object({
    bytesAtOnceMax: setting(
      'UPLOAD_BYTES_AT_ONCE_MAX',
      numberField({ min: 64 * MEBIBYTE, unit: 'bytes' }).default(128 * MEBIBYTE),
      {
        description:
          'Bytes of requests with recordings that are read at a time; memory stays under about six times as much',
      },
    ),
    waitSeconds: setting('UPLOAD_WAIT_SECONDS', secondsField({ min: 1, max: 300 }).default(20), {
      description: 'How long a recording waits for its turn to be read before it is refused with 503',
    }),
  }),
  housekeeping: z.object({
    logRetentionDays: setting(
      'PARTNER_LOG_RETENTION_DAYS',
      numberField({ min: 1, max: 36_500 }).default(90),
      {
        description: 'Days that request logs and webhook logs are kept',
      },
    ),
    requeueSeconds: setting('JOB_REQUEUE_SECONDS', secondsField({ min: 60 }).default(1_800), {
      description: 'A job that nobody was heard of for this long is announced again',
    }),
    giveUpSeconds: setting('JOB_GIVE_UP_SECONDS', secondsField({ min: 60 }).default(86_400), {
      description: 'A job that is still not over after this long ends as failed, with the code STALLED',
    }),
  }),
});

export type Config = z.output<typeof configSchema>;

/** The service's configuration. Throws ConfigError, which names every fault at once. */
export const readConfig = (): Config => loadConfig(configSchema, process.env);
