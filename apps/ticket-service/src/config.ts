import {
  busBlock,
  databaseBlock,
  internalTokenBlock,
  loadConfig,
  logBlock,
  numberField,
  secondsField,
  serverBlock,
  setting,
  telemetryBlock,
  urlField,
} from '@switchboard/service-kit';
import { storageBlock } from '@switchboard/storage';
import { z } from 'zod';
import { slaBlock } from './domain/sla/sla-block.ts';

const MEBIBYTE = 1024 * 1024;

/** Every setting of ticket-service, by feature. */
export const configSchema = z.object({
  server: serverBlock({ port: 3040 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
  sla: slaBlock,
  storage: storageBlock,
  edge: z.object({
    publicUrl: setting('PUBLIC_URL', urlField(), {
      description: 'How callers reach the gateway: where the addresses of files point to',
      example: 'https://api.example.com',
    }),
  }),
  tickets: z.object({
    storedBytesPerTokenMax: setting(
      'TICKET_STORED_BYTES_PER_TOKEN_MAX',
      numberField({ min: 20 * MEBIBYTE, unit: 'bytes' }).default(10 * 1024 * MEBIBYTE),
      {
        description:
          'What is kept for one token at most: its tickets, as they were after each change, and their files',
      },
    ),
  }),
  attachments: z.object({
    urlSeconds: setting(
      'TICKET_ATTACHMENT_URL_SECONDS',
      secondsField({ min: 10, max: 86_400 }).default(600),
      { description: 'How long the address of a file in an answer opens it' },
    ),
    bytesAtOnceMax: setting(
      'TICKET_UPLOAD_BYTES_AT_ONCE_MAX',
      numberField({ min: 48 * MEBIBYTE, unit: 'bytes' }).default(128 * MEBIBYTE),
      {
        description:
          'Bytes of requests with attachments that are read at a time; memory stays under about four times as much',
      },
    ),
    waitSeconds: setting('TICKET_UPLOAD_WAIT_SECONDS', secondsField({ min: 1, max: 300 }).default(20), {
      description: 'How long an attachment waits for its turn to be read before it is refused with 503',
    }),
  }),
  housekeeping: z.object({
    usageRetentionDays: setting(
      'TICKET_USAGE_RETENTION_DAYS',
      numberField({ min: 1, max: 36_500 }).default(90),
      {
        description: 'Days that the usage of integration tokens is kept, request by request',
      },
    ),
  }),
});

export type Config = z.output<typeof configSchema>;

/** The service's configuration. Throws ConfigError, which names every fault at once. */
export const readConfig = (): Config => loadConfig(configSchema, process.env);
