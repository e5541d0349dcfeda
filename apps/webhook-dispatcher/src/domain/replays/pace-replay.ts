import { webhookEvents } from '@switchboard/contracts';
import { type DataContext, type Tools, transact } from '@switchboard/db';
import { ownActOf } from '@switchboard/service-kit';
import { bodiesSince } from '../deliveries/bodies-since.ts';
import type { Executor } from '../deliveries/executor.ts';
import { findEndpoint } from '../endpoints/endpoint-repository.ts';
import { cancelAct } from './cancel-replay.ts';
import { type LookedAt, listReplayable, lockReplayable } from './find-replayable.ts';
import { putInLine } from './put-in-line.ts';
import { lockDueReplay, updateReplay } from './replay-repository.ts';
import type { Replay } from './types.ts';
import { countWaiting, hasPending } from './waiting-deliveries.ts';

const STEP_SECONDS = 1;
/** It holds back while more than this many seconds of its own are due and wait: its lanes are slower than its pace. */
const WAITING_SECONDS_MAX = 10;
/**
 * How long one that is looked through is left alone: its last attempt says that it is over, and this is for those that were
 * held again or cancelled. A thousand that wait for retries over days must not be looked at every second.
 */
const ENDING_SECONDS = { min: 1, max: 300, ofAge: 0.25 };
/** Most rows that a step looks at: what the pace allows, and as much again that is passed over. */
const lookedAtMax = (ratePerSecond: number): number => 100 + 2 * ratePerSecond * STEP_SECONDS;

const endingSeconds = (lookedThroughAt: Date, now: Date): number => {
  const ageSeconds = (now.getTime() - lookedThroughAt.getTime()) / 1000;
  const { min, max, ofAge } = ENDING_SECONDS;
  return Math.min(max, Math.max(min, ageSeconds * ofAge));
};

const later = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000);

/** As far as one step goes: as many as the pace allows, and all that are passed over on the way. */
const takeStep = (rows: readonly LookedAt[], rowsMax: number, sentMax: number) => {
  const ids: string[] = [];
  let expired = 0;
  let last: LookedAt | undefined;
  for (const row of rows) {
    if (ids.length === sentMax && row.matches && row.hasBody) break;
    if (row.matches && row.hasBody) ids.push(row.id);
    else if (row.matches) expired += 1;
    last = row;
  }
  return { ids, expired, last, isEnd: last === rows.at(-1) && rows.length < rowsMax };
};

/** Puts deliveries in line, each a little later than the one before. Gives how many were still as they were found. */
const putAllInLine = async (
  trx: Executor,
  replay: Replay,
  ids: readonly string[],
  now: Date,
): Promise<number> => {
  const locked = await lockReplayable(trx, replay, ids);
  const turns = ids
    .map((deliveryId, index) => ({ deliveryId, dueAt: later(now, index / replay.rate_per_second) }))
    .filter(({ deliveryId }) => locked.has(deliveryId));
  await putInLine(trx, replay.id, turns);
  return turns.length;
};

const goOn = async (trx: Tools<'webhooks'>['trx'], replay: Replay, now: Date, payloadDays: number) => {
  const { rate_per_second: rate } = replay;
  const waitingMax = rate * WAITING_SECONDS_MAX;
  if ((await countWaiting(trx, replay, now, waitingMax)) >= waitingMax) {
    await updateReplay(trx, replay.id, { next_at: later(now, STEP_SECONDS) });
    return;
  }
  const rowsMax = lookedAtMax(rate);
  const rows = await listReplayable(trx, replay, rowsMax, bodiesSince(now, payloadDays));
  const { ids, expired, last, isEnd } = takeStep(rows, rowsMax, rate * STEP_SECONDS);
  const sent = ids.length === 0 ? 0 : await putAllInLine(trx, replay, ids, now);
  await updateReplay(trx, replay.id, {
    ...(last ? { cursor_created_at: last.createdAt, cursor_id: last.id } : {}),
    scheduled: replay.scheduled + sent,
    skipped: replay.skipped + expired + ids.length - sent,
    // Never ahead of the pace, also after a time without dispatchers.
    next_at: later(now, ids.length / rate),
    ...(isEnd ? { looked_through_at: now } : {}),
  });
};

/** What it put in line and neither arrived nor failed was held again, or cancelled with its endpoint. */
const end = async (trx: Tools<'webhooks'>['trx'], replay: Replay, lookedThroughAt: Date, now: Date) => {
  if (await hasPending(trx, replay)) {
    await updateReplay(trx, replay.id, { next_at: later(now, endingSeconds(lookedThroughAt, now)) });
    return;
  }
  const { total, successful, failed, skipped } = replay;
  await updateReplay(trx, replay.id, {
    status: 'completed',
    skipped: Math.max(skipped, total - successful - failed),
    finished_at: now,
  });
};

/**
 * One step of one replay that is due: what it puts in line and how far it got are one transaction, so that whoever dies
 * anywhere leaves nothing out and nothing twice. A replay to one endpoint ends cancelled when that one is disabled: what it
 * put in line is held, and whoever enables it says what to do with all that was missed.
 *
 * @returns false: none is due
 */
export const paceReplay = (
  ctx: DataContext<'webhooks'>,
  { payloadDays }: { readonly payloadDays: number },
): Promise<boolean> =>
  transact(ctx, async ({ trx, emit }) => {
    const now = ctx.clock.now();
    const replay = await lockDueReplay(trx, now);
    if (!replay) return false;
    const endpoint = replay.endpoint_id === null ? null : await findEndpoint(trx, replay.endpoint_id);
    if (replay.endpoint_id !== null && endpoint?.status !== 'enabled') {
      await updateReplay(trx, replay.id, { status: 'cancelled', finished_at: now });
      emit(webhookEvents.adminActed, ownActOf(cancelAct(replay)));
    } else if (replay.looked_through_at === null) await goOn(trx, replay, now, payloadDays);
    else await end(trx, replay, replay.looked_through_at, now);
    return true;
  });
