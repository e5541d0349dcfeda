import { errors, type ReplayAnswer, webhookEvents } from '@switchboard/contracts';
import { type DataContext, type Tools, toJson } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import { bodiesSince } from '../deliveries/bodies-since.ts';
import { COUNTED_ROWS_MAX, countReplayable, type Replayable } from './find-replayable.ts';
import { replayAnswer } from './replay-answer.ts';
import { insertReplay } from './replay-repository.ts';
import { replayTarget } from './replay-target.ts';
import type { ReplayRequest } from './types.ts';

/** Sorts before every id: the walk begins with the first delivery that was found. */
const BEFORE_ALL_IDS = '00000000-0000-0000-0000-000000000000';

export const requireCountable = (found: Replayable): void => {
  if (!found.isTooMany) return;
  const message = `is needed, or an earlier one: there are more than ${COUNTED_ROWS_MAX.toLocaleString('en')} deliveries to look at`;
  throw errors.invalidInput([{ field: 'to', message }]);
};

/**
 * Makes a replay, and its record in the audit log; deliveries are put in line by whoever paces it, beginning now. One
 * that finds nothing is over at once.
 *
 * @param payloadDays how long bodies are kept
 * @throws INVALID_INPUT when there is more to count than anybody waits for
 */
export const createReplay = async (
  { trx, emit }: Tools<'webhooks'>,
  ctx: Pick<DataContext<'webhooks'>, 'clock' | 'ids'>,
  admin: AdminContext,
  request: ReplayRequest,
  { payloadDays }: { readonly payloadDays: number },
): Promise<ReplayAnswer> => {
  const { kind, filter, ratePerSecond } = request;
  const now = ctx.clock.now();
  const found = await countReplayable(trx, filter, now, bodiesSince(now, payloadDays));
  requireCountable(found);
  const isEmpty = found.total === 0;
  const replay = await insertReplay(trx, {
    id: ctx.ids.next(),
    kind,
    endpoint_id: filter.endpoint_id ?? null,
    filter: toJson(filter),
    rate_per_second: ratePerSecond,
    status: isEmpty ? 'completed' : 'running',
    total: found.total,
    cursor_created_at: found.firstCreatedAt,
    cursor_id: found.firstCreatedAt && BEFORE_ALL_IDS,
    last_created_at: found.lastCreatedAt,
    next_at: now,
    created_by: admin.principal.user_id,
    created_at: now,
    looked_through_at: isEmpty ? now : null,
    finished_at: isEmpty ? now : null,
  });
  const answer = replayAnswer(replay);
  emit(
    webhookEvents.adminActed,
    adminActOf(admin, {
      action: 'webhook_replay.create',
      target: replayTarget(replay),
      before: null,
      after: { kind, filter: answer.filter, rate_per_second: ratePerSecond, total: found.total },
    }),
  );
  return answer;
};
