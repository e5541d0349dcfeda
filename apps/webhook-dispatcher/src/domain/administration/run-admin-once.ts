import type { RouteContract } from '@switchboard/contracts';
import { type DataContext, type IdempotentAnswer, idempotent, type Tools, transact } from '@switchboard/db';
import { type AdminContext, hashRequest } from '@switchboard/service-kit';
import type { z } from 'zod';

/** What a handler knows of a request that may come twice. */
export interface RepeatableContext extends AdminContext {
  readonly idempotencyKey: string | undefined;
}

/**
 * Runs an act whose answer shows no secret in one transaction, and once per idempotency key of this administrator and route.
 *
 * @param request everything in it that matters
 * @throws DUPLICATE_REQUEST when the key came with another request before
 */
export const runAdminOnce = <Body>(
  data: DataContext<'webhooks'>,
  { principal, idempotencyKey: key }: RepeatableContext,
  about: {
    readonly route: RouteContract;
    readonly request: unknown;
    readonly status: number;
    readonly answer: z.ZodType<Body>;
  },
  act: (tools: Tools<'webhooks'>) => Promise<Body>,
): Promise<IdempotentAnswer<Body>> =>
  transact(data, async (tools) => {
    const run = async () => ({ status: about.status, body: await act(tools) });
    if (key === undefined) return { replayed: false, ...(await run()) };
    const scope = `user:${principal.user_id}:${about.route.id}`;
    const once = {
      trx: tools.trx,
      clock: data.clock,
      scope,
      key,
      requestHash: hashRequest(about.request),
    };
    return idempotent(once, run, (stored) => about.answer.parse(stored));
  });
