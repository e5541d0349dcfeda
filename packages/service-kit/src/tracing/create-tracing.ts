import type { TelemetryConfig } from '../config/blocks.ts';
import type { Log } from '../log/create-log.ts';
import { createIdTracing, type Tracing } from './tracing.ts';

/** Do the standard variables ask for traces to be exported? */
export const wantsExport = (config: TelemetryConfig): boolean => {
  if (config.disabled || config.tracesExporter === 'none') return false;
  return (
    config.tracesExporter !== undefined ||
    config.otlpEndpoint !== undefined ||
    config.otlpTracesEndpoint !== undefined
  );
};

/**
 * Tracing as the standard `OTEL_*` variables say. Without them only the ids travel, and no OpenTelemetry code is
 * loaded (it costs about 60 ms of start and 15 MB).
 */
export const createTracing = async (config: TelemetryConfig, service: string, log: Log): Promise<Tracing> => {
  if (!wantsExport(config)) return createIdTracing();
  const { createOpenTelemetryTracing } = await import('./open-telemetry.ts');
  const tracing = createOpenTelemetryTracing(config, service);
  log.info({ exporter: config.tracesExporter ?? 'otlp' }, 'traces are exported with OpenTelemetry');
  return tracing;
};
