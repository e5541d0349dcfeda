import { AppError, type ReplayAnswer, webhookEvents } from '@switchboard/contracts';
import { type DataContext, transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import { replayAnswer } from './replay-answer.ts';
import { lockReplay, updateReplay } from './replay-repository.ts';
import { replayTarget } from './replay-target.ts';
import type { Replay } from './types.ts';

export const cancelAct = (replay: Pick<Replay, 'id' | 'status'>) => ({
  action: 'webhook_replay.cancel',
  target: replayTarget(replay),
  before: { status: replay.status },
  after: { status: 'cancelled' },
});

/**
 * Puts no more deliveries of a replay in line. Those that are go on, and are counted. One that is cancelled stays so.
 *
 * @throws REPLAY_NOT_FOUND, REPLAY_FINISHED
 */
export const cancelReplay = (
  ctx: DataContext<'webhooks'>,
  admin: AdminContext,
  replayId: string,
): Promise<ReplayAnswer> =>
  transact(ctx, async ({ trx, emit }) => {
    const replay = await lockReplay(trx, replayId);
    if (!replay) throw new AppError('REPLAY_NOT_FOUND');
    if (replay.status === 'completed') throw new AppError('REPLAY_FINISHED');
    if (replay.status === 'cancelled') return replayAnswer(replay);
    emit(webhookEvents.adminActed, adminActOf(admin, cancelAct(replay)));
    const changes = { status: 'cancelled', finished_at: ctx.clock.now() } as const;
    return replayAnswer(await updateReplay(trx, replay.id, changes));
  });
