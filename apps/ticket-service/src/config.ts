import {
  busBlock,
  databaseBlock,
  internalTokenBlock,
  loadConfig,
  logBlock,
  numberField,
  serverBlock,
  setting,
  telemetryBlock,
} from '@switchboard/service-kit';
import { z } from 'zod';

/** Every setting of ticket-service, by feature. */
export const configSchema = z.object({
  server: serverBlock({ port: 3040 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
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
