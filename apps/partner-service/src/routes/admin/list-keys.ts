import { partnerAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toKeyAnswer } from '../../domain/keys/key-answer.ts';
import { listKeys } from '../../domain/keys/key-repository.ts';

export const getKeys = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.listKeys, async ({ query }) => {
    const now = data.clock.now();
    const filter = {
      search: query.search || null,
      environment: query.environment ?? null,
      active: query.active ?? null,
      now,
    };
    const after = decodeCursor(query.cursor);
    const page = toPage(
      await listKeys(data.db, filter, { limit: query.limit, after }),
      query.limit,
      (key) => key,
    );
    return {
      status: 200,
      body: {
        partner_keys: page.rows.map((key) => toKeyAnswer(key, now)),
        next_cursor: page.nextCursor,
      },
    };
  });
