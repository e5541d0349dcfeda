import type { PartnerPrincipal } from '@switchboard/contracts';
import { type IdempotentAnswer, idempotent, type Schemas } from '@switchboard/db';
import type { Transaction } from 'kysely';
import type { Data } from '../database.ts';

/**
 * Runs an effect once per idempotency key; without a key, simply runs it. A key belongs to a partner, its environment
 * and the route; keys (credentials) of one partner share it.
 */
export const runOnce = async <Body>(
  input: {
    readonly trx: Transaction<Schemas['partner']>;
    readonly data: Data;
    readonly principal: PartnerPrincipal;
    readonly routeId: string;
    readonly key: string | undefined;
    readonly requestHash: string;
  },
  status: number,
  run: () => Promise<Body>,
  parseBody: (stored: unknown) => Body,
): Promise<IdempotentAnswer<Body>> => {
  if (input.key === undefined) return { replayed: false, status, body: await run() };
  const { partner_id, environment } = input.principal;
  return idempotent(
    {
      trx: input.trx,
      scope: `${partner_id}:${environment}:${input.routeId}`,
      key: input.key,
      requestHash: input.requestHash,
      clock: input.data.clock,
    },
    async () => ({ status, body: await run() }),
    parseBody,
  );
};
