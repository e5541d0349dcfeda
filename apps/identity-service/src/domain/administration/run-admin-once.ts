import type { RouteContract } from '@switchboard/contracts';
import { type IdempotentAnswer, type Tools, transact } from '@switchboard/db';
import { type AdminContext, hashRequest, runSealedOnce } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';

/** What a handler knows of a request that may come twice. */
export interface RepeatableContext extends AdminContext {
  readonly idempotencyKey: string | undefined;
}

/**
 * Runs an act in one transaction, and once per idempotency key of this administrator and route.
 *
 * @param request everything in it that matters; no secret, since its hash is kept
 */
export const runAdminOnce = <Body>(
  { data, secrets }: Pick<Deps, 'data' | 'secrets'>,
  admin: RepeatableContext,
  about: {
    readonly route: RouteContract;
    readonly request: unknown;
    readonly status: number;
    readonly answer: z.ZodType<Body>;
  },
  act: (tools: Tools<'identity'>) => Promise<Body>,
): Promise<IdempotentAnswer<Body>> =>
  transact(data, (tools) =>
    runSealedOnce(
      {
        trx: tools.trx,
        clock: data.clock,
        scope: `${admin.principal.user_id}:${about.route.id}`,
        key: admin.idempotencyKey,
        requestHash: hashRequest(about.request),
        box: secrets.box('answers of idempotent requests'),
      },
      about.status,
      () => act(tools),
      about.answer,
    ),
  );
