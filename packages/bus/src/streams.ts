import { type StreamContract, streams } from '@switchboard/contracts';
import { DiscardPolicy, NatsError, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats';
import type { Connection } from './connection.ts';
import { BusError, toBusError } from './errors.ts';
import type { Log } from './log.ts';

const DUPLICATE_WINDOW_SECONDS = 120;
const API_TIMEOUT_MS = 5_000;
const STREAM_NOT_FOUND = 10059;
// Each answer carries its whole message, up to 1 MB.
const READ_AT_ONCE = 25;

export interface StreamState {
  /** When the store was made, as the server words it (nanoseconds): another text means another store. */
  readonly createdAt: string;
  readonly lastSequence: number;
  readonly messages: number;
}

export interface Streams {
  ensure(stream: StreamContract): Promise<void>;
  /** The stream that a subject belongs to, made if need be. */
  ensureFor(subject: string): Promise<StreamContract>;
  /** Makes it although we believe that it is there. */
  repair(stream: StreamContract): Promise<void>;
  state(name: string): Promise<StreamState | null>;
  /** The ids (`Nats-Msg-Id`) of the messages at these numbers of a stream; null where there is none any more. */
  messageIds(name: string, sequences: readonly number[]): Promise<(string | null)[]>;
}

export const streamOf = (subject: string): StreamContract | undefined => {
  return streams.find(({ subjects }) => subjects.some((kept) => subject.startsWith(kept.slice(0, -1))));
};

export const isNotFound = (error: unknown): boolean => {
  const code = error instanceof NatsError ? (error.jsError()?.err_code ?? error.jsError()?.code) : undefined;
  return code === STREAM_NOT_FOUND || code === 404 || code === 10014 || code === 10037;
};

const configOf = (stream: StreamContract) => ({
  name: stream.name,
  subjects: [...stream.subjects],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  max_age: nanos(stream.maxAgeSeconds * 1000),
  duplicate_window: nanos(Math.min(DUPLICATE_WINDOW_SECONDS, stream.maxAgeSeconds) * 1000),
});

const differs = (has: StreamConfig, wanted: ReturnType<typeof configOf>): boolean =>
  has.max_age !== wanted.max_age ||
  has.duplicate_window !== wanted.duplicate_window ||
  [...has.subjects].sort().join() !== [...wanted.subjects].sort().join();

export const createStreams = (connection: Connection, log: Log): Streams => {
  // Streams seen since the connection was last made. A restarted server may have lost its store.
  const seen = new Map<string, Promise<void>>();
  connection.onConnect(() => seen.clear());

  const manager = async () => {
    const nc = await connection.ready(API_TIMEOUT_MS);
    // Checking the API first would be one more question before each of ours, which answers the same.
    return nc.jetstreamManager({ checkAPI: false, timeout: API_TIMEOUT_MS });
  };

  const provide = async (stream: StreamContract) => {
    try {
      const jsm = await manager();
      const wanted = configOf(stream);
      const found = await jsm.streams.info(stream.name).catch((error: unknown) => {
        if (isNotFound(error)) return null;
        throw error;
      });
      if (!found) {
        await jsm.streams.add(wanted);
        log.info({ stream: stream.name, subjects: stream.subjects }, 'Stream created');
      } else if (differs(found.config, wanted)) {
        await jsm.streams.update(stream.name, { ...found.config, ...wanted });
        log.info({ stream: stream.name }, 'Stream brought up to date');
      }
    } catch (error) {
      throw toBusError(error, `create the stream ${stream.name} (does the server run with JetStream?)`);
    }
  };

  const ensure = (stream: StreamContract) => {
    const running = seen.get(stream.name);
    if (running) return running;
    const started = provide(stream);
    seen.set(stream.name, started);
    started.catch(() => {
      if (seen.get(stream.name) === started) seen.delete(stream.name);
    });
    return started;
  };

  return {
    ensure,
    async ensureFor(subject) {
      const stream = streamOf(subject);
      if (!stream) {
        throw new BusError(
          'rejected',
          `No stream keeps the subject "${subject}": declare its event in packages/contracts`,
        );
      }
      await ensure(stream);
      return stream;
    },
    repair(stream) {
      seen.delete(stream.name);
      return ensure(stream);
    },
    async state(name) {
      try {
        const info = await (await manager()).streams.info(name);
        return {
          createdAt: String(info.created),
          lastSequence: info.state.last_seq,
          messages: info.state.messages,
        };
      } catch (error) {
        if (isNotFound(error)) {
          // Somebody deleted it: the next `ensure` has work to do.
          seen.delete(name);
          return null;
        }
        throw toBusError(error, `ask for the stream ${name}`);
      }
    },
    async messageIds(name, sequences) {
      try {
        const jsm = await manager();
        const idAt = async (seq: number): Promise<string | null> => {
          try {
            return (await jsm.streams.getMessage(name, { seq })).header.get('Nats-Msg-Id') || null;
          } catch (error) {
            if (isNotFound(error)) return null;
            throw error;
          }
        };
        const ids: (string | null)[] = [];
        for (let at = 0; at < sequences.length; at += READ_AT_ONCE)
          ids.push(...(await Promise.all(sequences.slice(at, at + READ_AT_ONCE).map(idAt))));
        return ids;
      } catch (error) {
        throw toBusError(error, `read messages of the stream ${name}`);
      }
    },
  };
};
