import { formatTraceparent, parseTraceparent, type TraceContext } from '@switchboard/contracts';
import { currentTrace, currentWork, runInWork } from '../context/work-context.ts';
import { nextSpan } from './trace-ids.ts';

/**
 * TERMINOLOGY — *span*: one step of a trace. *Server* and *consumer* spans take work in, *client* and *producer*
 * spans hand it on, *internal* ones are steps between.
 */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  readonly trace: TraceContext;
  set(attributes: SpanAttributes): void;
  /** Ends the span; with an error it counts as failed. */
  end(error?: unknown): void;
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  /** Whose child the span is; the current work's when left out, a new trace when null. */
  readonly parent?: TraceContext | null | undefined;
  readonly attributes?: SpanAttributes;
}

export interface Tracing {
  /** False: spans are only ids that travel on, and cost next to nothing. */
  readonly exporting: boolean;
  startSpan(name: string, options?: SpanOptions): Span;
  /** Sends what is left. */
  close(): Promise<void>;
}

const parentOf = (options: SpanOptions | undefined): TraceContext | null | undefined =>
  options?.parent === undefined ? currentTrace() : options.parent;

/** Trace context without an exporter: ids are made and passed on, nothing is recorded. */
export const createIdTracing = (): Tracing => ({
  exporting: false,
  startSpan: (_name, options) => ({ trace: nextSpan(parentOf(options)), set: () => {}, end: () => {} }),
  close: () => Promise.resolve(),
});

/** Runs a step in a span of its own; log lines and messages inside belong to it. */
export const inSpan = async <Result>(
  tracing: Tracing,
  name: string,
  options: SpanOptions,
  step: (span: Span) => Promise<Result> | Result,
): Promise<Result> => {
  const span = tracing.startSpan(name, options);
  try {
    const result = await runInWork({ ...currentWork(), trace: span.trace }, () => step(span));
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
};

/** The `traceparent` header for what is sent out now: a request, an event, an outbox row. */
export const currentTraceparent = (): string | undefined => {
  const trace = currentTrace();
  return trace && formatTraceparent(trace);
};

/** How traces cross what is not HTTP; the bus asks for these (its `TraceHooks`). */
export interface TraceHooks {
  /** The `traceparent` of whatever is sent now. */
  current(): string | undefined;
  /** Runs a handler as part of the trace that came in, or of a new one when none did. */
  run<Result>(
    traceparent: string | undefined,
    spanName: string,
    work: () => Promise<Result>,
  ): Promise<Result>;
}

export const createTraceHooks = (tracing: Tracing): TraceHooks => ({
  current: currentTraceparent,
  run: (traceparent, spanName, work) =>
    inSpan(tracing, spanName, { kind: 'consumer', parent: parseTraceparent(traceparent) }, work),
});
