import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listAttachments } from '../../domain/attachments/list-attachments.ts';

export const getStaffAttachments = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketStaffRoutes.listAttachments, async ({ params }) => ({
    status: 200,
    headers: { 'cache-control': 'no-store' },
    body: { attachments: await listAttachments(deps, { ticketId: params.ticket_id }) },
  }));
