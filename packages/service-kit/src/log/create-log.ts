import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { currentWork } from '../context/work-context.ts';
import { redactFields } from './redact.ts';

export type Log = Logger;

export interface LogOptions {
  readonly service: string;
  readonly level: string;
  /** Where lines go; standard output unless a test wants to read them. */
  readonly destination?: DestinationStream;
  /** Lines for people rather than for machines; by default when standard output is a terminal. */
  readonly pretty?: boolean;
}

const workFields = (): object => {
  const work = currentWork();
  if (!work) return {};
  const { requestId, principalId } = work;
  return {
    ...(requestId === undefined ? {} : { requestId }),
    traceId: work.trace.traceId,
    ...(principalId === undefined ? {} : { principalId }),
  };
};

/**
 * The log of a service. Every line written while a request or an event is handled carries its request id, trace id
 * and principal id; headers and fields that hold secrets are replaced.
 */
export const createLog = (options: LogOptions): Log => {
  const forPeople = options.pretty ?? (options.destination === undefined && process.stdout.isTTY === true);
  const destination = forPeople
    ? pretty({ ignore: 'pid,hostname,service', translateTime: 'HH:MM:ss.l', singleLine: true })
    : (options.destination ?? pino.destination({ fd: 1, sync: true }));
  return pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => redactFields(fields) },
      mixin: workFields,
    },
    destination,
  );
};

/** A log that says nothing, for tests that look at other things. */
export const createSilentLog = (): Log => pino({ level: 'silent' });
