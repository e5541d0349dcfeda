import { z } from 'zod';
import {
  booleanField,
  numberField,
  oneOfField,
  portField,
  secondsField,
  secretField,
  textField,
  urlField,
} from './fields.ts';
import { setting } from './setting.ts';

/** Groups of settings that services share. An app's schema is `z.object({ server: serverBlock(…), … })`. */

export const serverBlock = (defaults: { port: number; drainSeconds?: number; shutdownSeconds?: number }) =>
  z.object({
    host: setting('HOST', textField().default('0.0.0.0'), {
      description: 'Address to listen on; 127.0.0.1 keeps the port to this machine',
    }),
    port: setting('PORT', portField().default(defaults.port), {
      description: 'Port to listen on; 0 lets the system choose',
    }),
    requestTimeoutSeconds: setting('REQUEST_TIMEOUT_SECONDS', secondsField({ min: 1 }).default(120), {
      description: 'Time a client has to send a whole request',
    }),
    idleTimeoutSeconds: setting('IDLE_TIMEOUT_SECONDS', secondsField({ min: 1 }).default(150), {
      description: 'A connection on which nothing moves is cut after this time',
    }),
    keepAliveSeconds: setting('KEEP_ALIVE_SECONDS', secondsField({ min: 1 }).default(75), {
      description: 'Time an idle connection is kept; longer than any pool in front of it keeps one',
    }),
    drainSeconds: setting('DRAIN_SECONDS', secondsField({ max: 300 }).default(defaults.drainSeconds ?? 2), {
      description: 'After SIGTERM requests are still taken this long, while load balancers look away',
    }),
    shutdownSeconds: setting(
      'SHUTDOWN_SECONDS',
      secondsField({ min: 1, max: 3600 }).default(defaults.shutdownSeconds ?? 25),
      { description: 'Shutdown is cut off after this time; below what the orchestrator grants' },
    ),
    supervised: setting('SUPERVISED', booleanField().default(false), {
      description: 'Set by a supervisor that holds an IPC channel: the service ends when the channel does',
    }),
  });

export const logBlock = z.object({
  level: setting(
    'LOG_LEVEL',
    oneOfField(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    { description: 'Least level that is logged: trace, debug, info, warn, error, fatal or silent' },
  ),
});

export const databaseBlock = z.object({
  url: setting('DATABASE_URL', urlField(['postgres', 'postgresql']), {
    description: "PostgreSQL, with this service's own role",
    example: 'postgres://switchboard_partner:password@127.0.0.1:54320/switchboard',
    secret: true,
  }),
  poolMax: setting('DATABASE_POOL_MAX', numberField({ min: 1, max: 500 }).default(10), {
    description: 'Most connections this process opens to PostgreSQL',
  }),
});

export const busBlock = z.object({
  url: setting('NATS_URL', urlField(['nats', 'tls', 'ws', 'wss']), {
    description: 'NATS server with JetStream',
    example: 'nats://127.0.0.1:42220',
    secret: true,
  }),
});

export const internalTokenBlock = z.object({
  secret: setting('INTERNAL_TOKEN_SECRET', secretField(32), {
    description: 'Signs the tokens that the gateway sends to services; the same everywhere',
    example: 'generate-with-openssl-rand-base64-48-and-keep-it',
    secret: true,
  }),
  previousSecret: setting('INTERNAL_TOKEN_SECRET_PREVIOUS', secretField(32).optional(), {
    description: 'The secret before the last change, accepted while gateways restart one after another',
    secret: true,
  }),
});

export const telemetryBlock = z.object({
  otlpEndpoint: setting('OTEL_EXPORTER_OTLP_ENDPOINT', urlField().optional(), {
    description: 'OpenTelemetry collector (OTLP over HTTP); traces are exported when it is set',
    example: 'http://127.0.0.1:4318',
  }),
  otlpTracesEndpoint: setting('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', urlField().optional(), {
    description: 'Collector of traces alone, whole address',
    example: 'http://127.0.0.1:4318/v1/traces',
  }),
  tracesExporter: setting('OTEL_TRACES_EXPORTER', oneOfField(['otlp', 'console', 'none']).optional(), {
    description: 'Where traces go: otlp, console or none',
  }),
  serviceName: setting('OTEL_SERVICE_NAME', textField().optional(), {
    description: 'Name of the service in traces; its own name when unset',
  }),
  disabled: setting('OTEL_SDK_DISABLED', booleanField().default(false), {
    description: 'true switches OpenTelemetry off whatever else is set',
  }),
});

export type ServerConfig = z.output<ReturnType<typeof serverBlock>>;
export type LogConfig = z.output<typeof logBlock>;
export type DatabaseConfig = z.output<typeof databaseBlock>;
export type BusConfig = z.output<typeof busBlock>;
export type InternalTokenConfig = z.output<typeof internalTokenBlock>;
export type TelemetryConfig = z.output<typeof telemetryBlock>;
