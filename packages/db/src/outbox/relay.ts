import { type Bus, backoffMs, pause, type StreamState, streamOf } from '@switchboard/bus';
import { EVENT_BYTES_MAX, events, type StreamContract } from '@switchboard/contracts';
import type { DataContext } from '../context.ts';
import type { SchemaName } from '../schemas/index.ts';
import { envelopeText, type OutboxRow } from './envelope-text.ts';
import { cleanUp, type KeepTimes, keepTimes } from './housekeeping.ts';
import {
  claimRows,
  hasPublishedTo,
  hasWaiting,
  lastPublished,
  markFailed,
  markPublished,
  type PublishedRow,
  publishedBefore,
  readFigures,
  unpublishLost,
  unpublishRows,
} from './queries.ts';

export interface OutboxRelayOptions {
  readonly bus: Bus;
  /** Most rows of one transaction; default 500. */
  readonly batchRows?: number;
  /** How often to look for rows that nobody told us of (written by triggers, by other replicas); default 250 ms. */
  readonly pollMs?: number;
  readonly keep?: KeepTimes;
}

export interface OutboxStats {
  /** Events that wait to be published (at most 100,000 are counted). */
  readonly waiting: number;
  readonly oldestAgeSeconds: number;
  /** Events that can never be published; their rows say why. */
  readonly failed: number;
  /** Published by this process. */
  readonly published: number;
  /** Published again by this process because a stream was lost. */
  readonly republished: number;
}

export interface OutboxRelay {
  stats(): Promise<OutboxStats>;
  /** Resolves when nothing waits; rejects after the deadline (default 10 s). */
  flush(options?: { readonly deadlineSeconds?: number }): Promise<void>;
  /** Publishes what waits, if NATS is there, and ends. */
  stop(options?: { readonly deadlineSeconds?: number }): Promise<void>;
}

const STREAM_CHECK_MS = 10_000;
const CLEAN_UP_MS = 60_000;
const DELETION_MS = 1_000;
const UNPUBLISH_ROWS = 2_000;
const COMPARED_ROWS = 200;
const FAULT_BACKOFF = { firstMs: 100, maxMs: 5_000 };

/**
 * Publishes the outbox of a service: after every commit that emitted, and by looking every 250 ms. Rows are marked
 * after JetStream's ack, in the transaction that holds them, so a crash in between publishes them once more and
 * nothing is lost. Any number of replicas may run one.
 */
export const startOutboxRelay = <Name extends SchemaName>(
  ctx: DataContext<Name>,
  options: OutboxRelayOptions,
): OutboxRelay => {
  const { bus, batchRows = 500, pollMs = 250, keep = keepTimes } = options;
  const { log, clock, source } = ctx;
  const stopping = new AbortController();
  const counts = { published: 0, republished: 0 };
  const ownStreams = new Map<string, StreamContract>();
  for (const event of events) {
    const isOurs = event.producer === source || event.producer === 'any';
    const stream = isOurs ? streamOf(event.name) : undefined;
    if (stream) ownStreams.set(stream.name, stream);
  }
  // What was known of each stream before anything was published to it: marks rows, never too new.
  const known = new Map<string, StreamState>();
  let streamsDue = true;
  let connections = 0;
  let checkedAtMs = 0;
  let woken = true;
  let endWait: (() => void) | null = null;

  const wake = () => {
    woken = true;
    endWait?.();
  };
  const waitForWake = async (ms: number) => {
    if (woken || stopping.signal.aborted) return;
    const waiting = new AbortController();
    endWait = () => waiting.abort();
    await pause(ms, waiting.signal);
    endWait = null;
  };

  /**
   * Lets rows wait again whose number in the stream is now that of another message: the stream lost its end, and
   * somebody else published to it before we looked. A loss is always of the end, so the last row tells; after a
   * connection, when another replica may have published before us, the last 200 do. As long as one of them is lost,
   * those before are compared as well. A message that is gone was removed, by its age or by somebody: not lost.
   */
  const unpublishReplaced = async (name: string, state: StreamState, thorough: boolean): Promise<number> => {
    let lost = 0;
    let upTo = state.lastSequence;
    for (let rowsMax = thorough ? COMPARED_ROWS : 1; ; rowsMax = COMPARED_ROWS) {
      const rows = await publishedBefore(ctx.db, { name, createdAt: state.createdAt, upTo }, rowsMax);
      const ids = await bus.messageIds(
        name,
        rows.map((row) => row.sequence),
      );
      const replaced = rows.filter((row, at) => ids[at] !== null && ids[at] !== row.id);
      if (replaced.length === 0) return lost;
      lost += await unpublishRows(ctx.db, replaced);
      upTo = (rows.at(-1)?.sequence ?? 0) - 1;
    }
  };

  /** Notices streams that were made anew, or lost their end, and lets their rows wait again, in order. */
  const checkStreams = async () => {
    const thorough = streamsDue;
    const connectionsBefore = connections;
    for (const stream of ownStreams.values()) {
      let state = await bus.streamState(stream.name);
      if (!state) {
        if (!(await hasPublishedTo(ctx.db, stream.name))) continue;
        // nats-server may still be removing the old one's files; the new one's would go with them.
        await pause(DELETION_MS, stopping.signal);
        await bus.ensureStream(stream);
        state = await bus.streamState(stream.name);
        if (!state) continue;
      }
      const last = await lastPublished(ctx.db, { name: stream.name, createdAt: state.createdAt });
      // Another replica may have published since we asked: only what an answer from now on does not know is lost.
      if (last > state.lastSequence) state = await bus.streamState(stream.name);
      if (!state) continue;
      let lost = 0;
      for (let rows = UNPUBLISH_ROWS; rows === UNPUBLISH_ROWS; lost += rows) {
        rows = await unpublishLost(
          ctx.db,
          { name: stream.name, lastPublished: last, ...state },
          UNPUBLISH_ROWS,
        );
      }
      lost += await unpublishReplaced(stream.name, state, thorough);
      if (lost > 0) {
        counts.republished += lost;
        log.warn(
          { stream: stream.name, events: lost },
          'The stream lost its events; publishing them again from the outbox',
        );
      }
      known.set(stream.name, state);
    }
    streamsDue = connections !== connectionsBefore;
    checkedAtMs = performance.now();
  };

  const stateBefore = async (subject: string): Promise<void> => {
    const stream = streamOf(subject);
    if (!stream || known.has(stream.name)) return;
    ownStreams.set(stream.name, stream);
    await bus.ensureStream(stream);
    const state = await bus.streamState(stream.name);
    if (state) known.set(stream.name, state);
  };

  /** Publishes one batch. Gives its size and how many could not be published now. */
  const publishBatch = () =>
    ctx.db.transaction().execute(async (trx) => {
      const rows = await claimRows(trx, batchRows);
      if (rows.length === 0) return { rows: 0, left: 0 };
      const failed: { row: OutboxRow; error: string }[] = [];
      const sendable: { row: OutboxRow; payload: string }[] = [];
      for (const row of rows) {
        const payload = envelopeText(row, source);
        const bytes = Buffer.byteLength(payload);
        if (bytes > EVENT_BYTES_MAX)
          failed.push({ row, error: `The event has ${bytes} bytes, more than ${EVENT_BYTES_MAX}` });
        else sendable.push({ row, payload });
      }
      for (const subject of new Set(sendable.map(({ row }) => row.subject))) await stateBefore(subject);
      const connectionsBefore = connections;
      const outcomes = await bus.publishAll(
        sendable.map(({ row, payload }) => ({
          subject: row.subject,
          payload,
          msgId: row.id,
          headers: { 'ce-id': row.id, 'ce-type': row.type, traceparent: row.traceparent ?? undefined },
        })),
      );
      // What comes after a cut would hide it: first the streams are looked at, then the batch goes out once more.
      if (connections !== connectionsBefore || !bus.isConnected())
        throw new Error('NATS went away while a batch was published; its events are published again');
      const published: PublishedRow[] = [];
      let left = 0;
      for (const [index, { row }] of sendable.entries()) {
        const outcome = outcomes[index];
        if (outcome?.ok) {
          const before = known.get(outcome.ack.stream);
          published.push({ id: row.id, ack: outcome.ack, streamCreated: before?.createdAt ?? 'unknown' });
          if (!outcome.ack.duplicate && outcome.ack.sequence <= (before?.lastSequence ?? 0))
            streamsDue = true;
          else if (before) known.set(outcome.ack.stream, { ...before, lastSequence: outcome.ack.sequence });
        } else if (outcome?.error.kind === 'rejected') {
          failed.push({ row, error: outcome.error.message });
        } else {
          left += 1;
        }
      }
      await markPublished(trx, published, clock.now());
      for (const { row, error } of failed) {
        log.error(
          { eventId: row.id, type: row.type, subject: row.subject, error },
          'An event can never be published; its outbox row says why',
        );
        await markFailed(trx, row.id, error, clock.now());
      }
      counts.published += published.length;
      return { rows: rows.length, left };
    });

  const run = async () => {
    for (let faults = 0; !stopping.signal.aborted; ) {
      try {
        if (!bus.isConnected()) {
          woken = false;
          await waitForWake(1_000);
          continue;
        }
        if (streamsDue || performance.now() - checkedAtMs > STREAM_CHECK_MS) await checkStreams();
        const told = woken;
        woken = false;
        // Most looks find nothing: one statement then, not a transaction.
        const batch = told || (await hasWaiting(ctx.db)) ? await publishBatch() : { rows: 0, left: 0 };
        if (batch.left > 0) throw new Error(`${batch.left} events were not acknowledged`);
        faults = 0;
        if (batch.rows === 0) await waitForWake(pollMs);
        else woken = true;
      } catch (error) {
        faults += 1;
        if (faults === 1 || faults % 20 === 0)
          log.warn({ err: error, faults }, 'The outbox cannot be published now; trying on');
        await pause(backoffMs(faults, FAULT_BACKOFF), stopping.signal);
        woken = true;
      }
    }
  };

  const forgetWake = ctx.onWake(wake);
  const forgetConnect = bus.onConnect(() => {
    connections += 1;
    streamsDue = true;
    wake();
  });
  const running = run();
  let cleaning: Promise<unknown> = Promise.resolve();
  const cleanTimer = setInterval(() => {
    cleaning = cleanUp(ctx, keep, stopping.signal).catch((error: unknown) =>
      log.warn({ err: error }, 'Old outbox and inbox rows could not be deleted; trying again in a minute'),
    );
  }, CLEAN_UP_MS);

  const flush = async ({ deadlineSeconds = 10 } = {}) => {
    const endMs = performance.now() + deadlineSeconds * 1000;
    while (await hasWaiting(ctx.db)) {
      if (performance.now() > endMs) throw new Error(`The outbox is not empty after ${deadlineSeconds} s`);
      wake();
      await pause(20);
    }
  };

  return {
    flush,
    async stats() {
      const { waiting, oldest, failed } = await readFigures(ctx.db);
      const ageMs = oldest ? clock.now().getTime() - oldest.getTime() : 0;
      return { waiting, oldestAgeSeconds: Math.max(0, ageMs / 1000), failed, ...counts };
    },
    async stop({ deadlineSeconds = 5 } = {}) {
      clearInterval(cleanTimer);
      if (bus.isConnected() && !stopping.signal.aborted) {
        await flush({ deadlineSeconds }).catch((error: unknown) =>
          log.warn({ err: error }, 'Events are left in the outbox; the next process publishes them'),
        );
      }
      stopping.abort();
      wake();
      forgetWake();
      forgetConnect();
      await Promise.all([running, cleaning]);
    },
  };
};
