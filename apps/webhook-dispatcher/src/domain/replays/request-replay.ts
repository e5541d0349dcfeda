import { type AnswerOf, AppError, type ReplayAnswer, webhookAdminRoutes } from '@switchboard/contracts';
import { type DataContext, type IdempotentAnswer, idempotent, transact } from '@switchboard/db';
import { type AdminContext, hashRequest } from '@switchboard/service-kit';
import { bodiesSince } from '../deliveries/bodies-since.ts';
import type { Executor } from '../deliveries/executor.ts';
import { requireEndpoint } from '../endpoints/endpoint-repository.ts';
import { createReplay, requireCountable } from './create-replay.ts';
import { countReplayable } from './find-replayable.ts';
import type { ReplayFilter } from './types.ts';

const route = webhookAdminRoutes.createReplay;
const answerSchema = route.responses[202].schema;
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
  admin: AdminContext,
  { rate_per_second: ratePerSecond, ...filter }: ReplayFilter & { readonly rate_per_second: number },
  settings: Settings,
  idempotencyKey: string | undefined,
): Promise<IdempotentAnswer<ReplayAnswer>> =>
  transact(data, async (tools) => {
    const run = async () => {
      await requireOpen(tools.trx, filter);
      const body = await createReplay(
        tools,
        data,
        admin,
        { kind: 'replay', filter, ratePerSecond },
        settings,
      );
      return { status: 202, body };
    };
    if (idempotencyKey === undefined) return { replayed: false, ...(await run()) };
    const once = {
      trx: tools.trx,
      clock: data.clock,
      scope: `user:${admin.principal.user_id}:${route.id}`,
      key: idempotencyKey,
      requestHash: hashRequest({ ...filter, ratePerSecond }),
    };
    return idempotent(once, run, (stored) => answerSchema.parse(stored));
  });
