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

/**
 * Handles something that came in with a `traceparent` (an event, an rpc question): a consumer span of that trace, or
 * of a new one when there is none.
 */
export const inIncomingTrace = <Result>(
  tracing: Tracing,
  name: string,
  traceparent: string | undefined,
  attributes: SpanAttributes,
  step: (span: Span) => Promise<Result> | Result,
): Promise<Result> =>
  inSpan(tracing, name, { kind: 'consumer', parent: parseTraceparent(traceparent), attributes }, step);
