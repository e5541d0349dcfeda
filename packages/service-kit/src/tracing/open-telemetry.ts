import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace as traceApi } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, ConsoleSpanExporter, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { TelemetryConfig } from '../config/blocks.ts';
import { currentTrace } from '../context/work-context.ts';
import type { SpanKind as OurSpanKind, Tracing } from './tracing.ts';

const kinds: Readonly<Record<OurSpanKind, SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

/**
 * Spans recorded by the OpenTelemetry SDK. Endpoint, headers, sampler, batching and limits are read by the SDK from
 * its standard variables; the context between spans is ours, so no context manager is installed.
 */
export const createOpenTelemetryTracing = (config: TelemetryConfig, service: string): Tracing => {
  const exporter = config.tracesExporter === 'console' ? new ConsoleSpanExporter() : new OTLPTraceExporter();
  const provider = new NodeTracerProvider({
    // OTEL_RESOURCE_ATTRIBUTES may say more; the name is the service's own unless OTEL_SERVICE_NAME says otherwise.
    resource: defaultResource()
      .merge(detectResources({ detectors: [envDetector] }))
      .merge(resourceFromAttributes({ 'service.name': config.serviceName ?? service })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('@switchboard/service-kit');
  return {
    exporting: true,
    startSpan: (name, options) => {
      const parent = options?.parent === undefined ? currentTrace() : options.parent;
      const parentContext = parent
        ? traceApi.setSpanContext(ROOT_CONTEXT, {
            traceId: parent.traceId,
            spanId: parent.spanId,
            traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
            isRemote: options?.kind === 'server' || options?.kind === 'consumer',
          })
        : ROOT_CONTEXT;
      const span = tracer.startSpan(
        name,
        { kind: kinds[options?.kind ?? 'internal'], attributes: { ...options?.attributes } },
        parentContext,
      );
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        trace: { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 },
        set: (attributes) => void span.setAttributes({ ...attributes }),
        end: (error) => {
          if (error !== undefined) {
            span.setStatus({ code: SpanStatusCode.ERROR });
            // The class only: messages may quote what a caller sent.
            span.setAttribute('error.type', error instanceof Error ? error.name : 'error');
          }
          span.end();
        },
      };
    },
    close: () => provider.shutdown(),
  };
};
