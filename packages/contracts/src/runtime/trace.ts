import { randomBytes } from 'node:crypto';

/** W3C Trace Context, version 00 (https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Reads a `traceparent`; null when it is absent or not valid, so that the caller starts a new trace. */
export const parseTraceparent = (value: string | undefined): TraceContext | null => {
  const match = value === undefined ? null : TRACEPARENT.exec(value);
  const [, traceId, spanId, flags] = match ?? [];
  if (!traceId || !spanId || !flags) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
};

export const formatTraceparent = (trace: TraceContext): string =>
  `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;

/** A new trace, or the next span of a given one. */
export const nextTrace = (parent?: TraceContext | null): TraceContext => ({
  traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
  spanId: randomBytes(8).toString('hex'),
  sampled: parent?.sampled ?? true,
});
