import type { DataContext } from '@switchboard/db';
import { beat, leave } from './membership-repository.ts';
import { type Rank, shareOf } from './share.ts';

export interface MembershipOptions {
  readonly ctx: DataContext<'webhooks'>;
  /** The name this process has in leases too. */
  readonly id: string;
  /** How long after a change attempts may still run that began before it. */
  readonly settleMs: number;
  /** Who lives has changed, and with it everybody's share. */
  readonly onChange: () => void;
}

export interface Membership {
  /** This process's part of what a lane takes at a time, or in a second, over all dispatchers. */
  share(lane: string, whole: number): number;
  /** Others may have attempts on their way that are not theirs any more: what they hold is to be counted. */
  isSettling(): boolean;
  /** Dispatchers that live, this one among them. */
  live(): number;
  stop(): Promise<void>;
}

const BEAT_MS = 2_000;
const DEAD_AFTER_MS = 4 * BEAT_MS;
const KEPT_MS = 600_000;
/** After it, everybody who lives has seen a newcomer. */
const SEEN_AFTER_MS = 1.25 * BEAT_MS;

/**
 * Who else sends from this database. Each dispatcher says every two seconds that it lives, and takes its share of what an
 * endpoint allows by its place among those that do: nobody has to be asked before an attempt.
 *
 * A newcomer takes nothing of the others' until all of them have seen it. While Postgres is away everybody keeps the share
 * it had. Whoever said nothing for so long that it was taken for dead (it stood still, or Postgres was away for it) does not
 * know what the others began in its place, and counts it.
 */
export const startMembership = ({ ctx, id, settleMs, onChange }: MembershipOptions): Membership => {
  let live: readonly string[] = [];
  let rank: Rank | null = null;
  let isNewcomer = false;
  let changedAtMs = Number.NEGATIVE_INFINITY;
  let seenAtMs = performance.now();
  let seenTimer: NodeJS.Timeout | undefined;

  const rankNow = () => {
    rank = { index: Math.max(0, live.indexOf(id)), count: Math.max(1, live.length) };
    onChange();
  };
  const tell = (ids: readonly string[]) => {
    const isFirst = live.length === 0;
    if (ids.join() === live.join()) return;
    live = ids;
    if (isFirst && ids.length > 1) {
      isNewcomer = true;
      seenTimer = setTimeout(() => {
        isNewcomer = false;
        rankNow();
      }, SEEN_AFTER_MS);
    }
    // Alone from the first: nobody has anything on its way but the dead.
    if (!isFirst || isNewcomer) changedAtMs = performance.now();
    if (!isNewcomer) rankNow();
  };

  const isMissing = () => performance.now() > seenAtMs + DEAD_AFTER_MS;
  const beatOnce = async () => {
    try {
      const ids = await beat(ctx.db, { id, deadAfterMs: DEAD_AFTER_MS, keptMs: KEPT_MS });
      if (isMissing()) changedAtMs = performance.now();
      seenAtMs = performance.now();
      tell(ids);
    } catch (error) {
      ctx.log.debug({ err: error }, 'Other dispatchers cannot be seen; keeping the share of before');
    }
  };
  let beating: Promise<void> | null = null;
  const beatNow = () => {
    beating ??= beatOnce().finally(() => {
      beating = null;
    });
  };
  beatNow();
  const timer = setInterval(beatNow, BEAT_MS);

  return {
    share: (lane, whole) => (rank === null ? 0 : shareOf(lane, whole, rank)),
    isSettling: () => isMissing() || performance.now() < changedAtMs + settleMs,
    live: () => live.length,
    async stop() {
      clearInterval(timer);
      clearTimeout(seenTimer);
      await beating;
      await leave(ctx.db, id).catch((error: unknown) =>
        ctx.log.debug(
          { err: error },
          'Could not say that this dispatcher ends; the others see it in seconds',
        ),
      );
    },
  };
};
