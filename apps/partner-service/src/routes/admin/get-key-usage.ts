import { partnerAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { sumKeyUsage } from '../../domain/administration/key-usage.ts';
import { requireKey } from '../../domain/keys/require-key.ts';
import { readBoundedRange } from '../../domain/time-range.ts';

const DAYS = { default: 30, max: 366 };

export const getKeyUsage = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.getKeyUsage, async ({ params, query }) => {
    const range = readBoundedRange(query, data.clock.now(), DAYS);
    const key = await requireKey(data.db, params.key_id);
    const figures = await sumKeyUsage(data.db, key.id, range);
    return {
      status: 200,
      body: { from: range.from.toISOString(), to: range.to.toISOString(), ...figures },
    };
  });
