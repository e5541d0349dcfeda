import { AppError } from '@switchboard/contracts';
import { NatsError } from 'nats';

/**
 * Why the broker did not take or answer something.
 * `unavailable`, `timeout`: try again later. `rejected`: it will never be taken as it is.
 */
export type BusErrorKind = 'unavailable' | 'timeout' | 'rejected';

export class BusError extends Error {
  readonly kind: BusErrorKind;

  constructor(kind: BusErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'BusError';
    this.kind = kind;
  }
}

/** Thrown by a handler of `consume`: this message can never be handled. It goes to the dead messages at once. */
export class InvalidMessageError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'InvalidMessageError';
  }
}

/** Thrown by a handler of `consume`: deliver the message again after that many seconds. Not counted as a failure. */
export class GiveBack extends Error {
  readonly seconds: number;

  constructor(seconds: number) {
    super(`Given back for ${seconds} s`);
    this.name = 'GiveBack';
    this.seconds = seconds;
  }
}

const REJECTED_CODES = new Set([
  'MAX_PAYLOAD_EXCEEDED',
  'BAD_SUBJECT',
  'BAD_HEADER',
  'BAD_PAYLOAD',
  'PERMISSIONS_VIOLATION',
]);
// JetStream: message larger than the stream allows, wrong expected stream, subject of no stream's.
const REJECTED_API_CODES = new Set([10054, 10060]);

/** Whatever the client library threw, in our words. */
export const toBusError = (error: unknown, doing: string): BusError => {
  if (error instanceof BusError) return error;
  if (error instanceof NatsError) {
    const apiCode = error.jsError()?.err_code;
    if (REJECTED_CODES.has(error.code) || (apiCode !== undefined && REJECTED_API_CODES.has(apiCode))) {
      return new BusError('rejected', `NATS refused to ${doing}: ${error.message}`, error);
    }
    if (error.code === 'TIMEOUT')
      return new BusError('timeout', `NATS did not answer in time: ${doing}`, error);
    const words = error.code === '503' ? 'nothing answers there' : error.message;
    return new BusError('unavailable', `NATS could not ${doing}: ${words}`, error);
  }
  return new BusError(
    'unavailable',
    `NATS could not ${doing}: ${error instanceof Error ? error.message : error}`,
    error,
  );
};

const TRANSIENT_APP_CODES = new Set(['SERVICE_UNAVAILABLE', 'GATEWAY_TIMEOUT', 'BAD_GATEWAY']);

/** True for faults that pass by themselves: the broker or an asked service is away or slow. */
export const isTransientBusError = (error: unknown): boolean => {
  if (error instanceof BusError) return error.kind !== 'rejected';
  if (error instanceof AppError) return TRANSIENT_APP_CODES.has(error.code);
  return error instanceof NatsError && !REJECTED_CODES.has(error.code);
};
