import { type Clock, createUuidV7Ids, type Ids, systemClock } from '@switchboard/contracts';
import type { LogConfig, ServerConfig, TelemetryConfig } from '../config/blocks.ts';
import { ConfigError } from '../config/load-config.ts';
import { createReadiness, type Readiness } from '../health/readiness.ts';
import { createLog, type Log } from '../log/create-log.ts';
import { createMetrics, type Metrics } from '../metrics/create-metrics.ts';
import { createTracing } from '../tracing/create-tracing.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { createLifecycle, type Lifecycle } from './lifecycle.ts';

/** The groups every service's config has. */
export interface ServiceConfig {
  readonly server: ServerConfig;
  readonly log: LogConfig;
  readonly telemetry: TelemetryConfig;
}

export interface Boot<Config extends ServiceConfig> {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly readiness: Readiness;
  readonly lifecycle: Lifecycle;
}

export interface RunServiceOptions<Config extends ServiceConfig> {
  readonly name: string;
  /** Throws `ConfigError`. */
  readonly loadConfig: () => Config;
  /** Opens connections, builds the app, listens. The service is ready when it resolves. */
  readonly start: (boot: Boot<Config>) => Promise<void> | void;
}

/** sysexits.h: "something was found in an unconfigured or misconfigured state". */
const EXIT_CONFIG = 78;
const EXIT_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

const loadConfigOrExit = <Config>(name: string, load: () => Config): Config => {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${name} cannot start. ${error.message}\n`);
    process.exit(EXIT_CONFIG);
  }
};

/**
 * Owns the process of a service: boots it, says when it is ready, ends it in phases on SIGTERM or SIGINT (a second one
 * exits at once), and exits on an error that nobody caught. Call it once, in `main.ts`.
 */
export const runService = async <Config extends ServiceConfig>(
  options: RunServiceOptions<Config>,
): Promise<void> => {
  const bootedMs = performance.now();
  const { name } = options;
  const config = loadConfigOrExit(name, options.loadConfig);
  const log = createLog({ service: name, level: config.log.level });
  const clock = systemClock;
  const readiness = createReadiness();
  const { drainSeconds, shutdownSeconds, supervised } = config.server;
  const lifecycle = createLifecycle({ log, readiness, drainSeconds, shutdownSeconds });

  const exitAfterShutdown = async (reason: string, code = 0): Promise<void> => {
    const clean = await lifecycle.shutdown(reason);
    log.info({ clean }, 'stopped');
    process.exit(clean ? code : 1);
  };
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    // The shutdown of the first signal is cut off: somebody is in a hurry.
    if (lifecycle.signal.aborted) process.exit(EXIT_SIGNAL[signal]);
    void exitAfterShutdown(signal);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  const onFatal = (error: unknown, origin: string): void => {
    log.fatal({ err: error, origin }, 'an error that nobody caught ends the process');
    process.exit(1);
  };
  process
    .on('uncaughtException', onFatal)
    .on('unhandledRejection', (error) => onFatal(error, 'unhandledRejection'));
  process.on('warning', (warning) => log.warn({ err: warning }, warning.message));
  if (supervised) {
    // The supervisor may be killed without a word; its channel closes all the same.
    process.once('disconnect', () => void exitAfterShutdown('the supervisor is gone'));
    if (!process.connected) return exitAfterShutdown('SUPERVISED is set, but there is no supervisor', 1);
  }

  try {
    const metrics = createMetrics({ service: name, process: true });
    const tracing = await createTracing(config.telemetry, name, log);
    lifecycle.onClose('tracing', () => tracing.close());
    const ids = createUuidV7Ids(clock);
    await options.start({ config, log, clock, ids, metrics, tracing, readiness, lifecycle });
  } catch (error) {
    log.fatal({ err: error }, 'the service cannot start');
    await lifecycle.shutdown('the start failed');
    process.exit(1);
  }
  readiness.markStarted();
  log.info({ bootMs: Math.round(performance.now() - bootedMs) }, 'ready');
};
