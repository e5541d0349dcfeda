import type { IntegrationTokenPrincipal, UserPrincipal } from '@switchboard/contracts';
import { type IdempotentAnswer, idempotent } from '@switchboard/db';
import { hashRequest } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import type { Actor, TicketTools } from '../tickets/types.ts';

/** Who asks, as whoever changes a ticket. */
export const actorOf = (principal: IntegrationTokenPrincipal | UserPrincipal): Actor =>
  principal.kind === 'user'
    ? { kind: 'staff', id: principal.user_id, name: principal.email }
    : { kind: 'token', id: principal.token_id, name: principal.token_name };

export interface OnceInput<Body> {
  readonly actor: Actor;
  readonly routeId: string;
  /** Undefined: the request has no key and simply runs. */
  readonly key: string | undefined;
  /** All of the request that matters. */
  readonly request: unknown;
  readonly status: number;
  /** Checks the answer that was kept. */
  readonly schema: z.ZodType<Body>;
}

/**
 * Runs an effect once per idempotency key of its caller, in the effect's transaction.
 *
 * @throws DUPLICATE_REQUEST
 */
export const runOnce = async <Body>(
  { clock }: Pick<Data, 'clock'>,
  { trx }: TicketTools,
  { actor, routeId, key, request, status, schema }: OnceInput<Body>,
  run: () => Promise<Body>,
): Promise<IdempotentAnswer<Body>> => {
  if (key === undefined) return { replayed: false, status, body: await run() };
  const scope = `${actor.kind === 'staff' ? 'user' : 'integration_token'}:${actor.id}:${routeId}`;
  return await idempotent(
    { trx, scope, key, requestHash: hashRequest(request), clock },
    async () => ({ status, body: await run() }),
    (stored) => schema.parse(stored),
  );
};
