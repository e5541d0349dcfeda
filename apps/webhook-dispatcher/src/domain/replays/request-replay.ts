import { type AnswerOf, AppError, type ReplayAnswer, webhookAdminRoutes } from '@switchboard/contracts';
import type { DataContext, IdempotentAnswer } from '@switchboard/db';
import { type RepeatableContext, runAdminOnce } from '../administration/run-admin-once.ts';
import { bodiesSince } from '../deliveries/bodies-since.ts';
import type { Executor } from '../deliveries/executor.ts';
import { requireEndpoint } from '../endpoints/endpoint-repository.ts';
import { createReplay, requireCountable } from './create-replay.ts';
import { countReplayable } from './find-replayable.ts';
import type { ReplayFilter } from './types.ts';

const route = webhookAdminRoutes.createReplay;
type DryRun = Extract<AnswerOf<typeof route>, { status: 200 }>['body'];

interface Settings {
  /** How long bodies are kept. */
  readonly payloadDays: number;
}

const requireOpen = async (executor: Executor, { endpoint_id }: ReplayFilter): Promise<void> => {
  if (endpoint_id === undefined) return;
  const { status } = await requireEndpoint(executor, endpoint_id);
  if (status === 'disabled') throw new AppError('ENDPOINT_DISABLED');
};

/** What a replay would send. @throws ENDPOINT_NOT_FOUND, ENDPOINT_DISABLED, INVALID_INPUT */
export const countDryRun = async (
  { db, clock }: Pick<DataContext<'webhooks'>, 'db' | 'clock'>,
  filter: ReplayFilter,
  { payloadDays }: Settings,
): Promise<DryRun> => {
  await requireOpen(db, filter);
  const now = clock.now();
  const found = await countReplayable(db, filter, now, bodiesSince(now, payloadDays));
  requireCountable(found);
  return { dry_run: true, total: found.total, expired: found.expired };
};

/**
 * Makes the replay that an administrator asks for, once for each idempotency key.
 *
 * @throws ENDPOINT_NOT_FOUND, ENDPOINT_DISABLED, INVALID_INPUT, DUPLICATE_REQUEST
 */
export const requestReplay = (
  data: DataContext<'webhooks'>,
  admin: RepeatableContext,
  { rate_per_second: ratePerSecond, ...filter }: ReplayFilter & { readonly rate_per_second: number },
  settings: Settings,
): Promise<IdempotentAnswer<ReplayAnswer>> =>
  runAdminOnce(
    data,
    admin,
    { route, request: { ...filter, ratePerSecond }, status: 202, answer: route.responses[202].schema },
    async (tools) => {
      await requireOpen(tools.trx, filter);
      return createReplay(tools, data, admin, { kind: 'replay', filter, ratePerSecond }, settings);
    },
  );
