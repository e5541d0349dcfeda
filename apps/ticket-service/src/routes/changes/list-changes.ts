import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { readChanges } from '../../domain/feed/read-changes.ts';
import { goneSignal } from '../gone-signal.ts';

export const getChanges = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketRoutes.listChanges, async ({ principal, query, reply }) => {
    const { changes, nextCursor } = await readChanges(deps, {
      tokenId: principal.token_id,
      cursor: query.cursor,
      limit: query.limit,
      waitSeconds: query.wait,
      signal: goneSignal(reply),
    });
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { changes, next_cursor: nextCursor },
    };
  });
