import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listAttachments } from '../../domain/attachments/list-attachments.ts';

export const getAttachments = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketRoutes.listAttachments, async ({ principal, params }) => {
    const key = { ticketId: params.ticket_id, tokenId: principal.token_id };
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { attachments: await listAttachments(deps, key) },
    };
  });
