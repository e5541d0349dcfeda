import { defineRoute, type RouteContract } from '../route.ts';
import * as schemas from './staff-schemas.ts';

const PREFIX = '/api/admin/v1/tickets';
const ONE = `${PREFIX}/:ticket_id`;

const staff = {
  service: 'ticket-service',
  surface: 'platform',
  credentials: ['user'],
  roles: ['agent', 'admin', 'super_admin'],
  limitGroup: 'admin',
  source: 'Switchboard',
} as const;
const one = { ...staff, params: schemas.staffTicketParams } as const;
const errors = ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TICKET_NOT_FOUND'] as const;
const ETAG = { etag: 'Of the ticket as it is: for If-Match' } as const;
const answers = (description: string) => ({
  200: { description, schema: schemas.staffTicketAnswer, headers: ETAG },
});

/** `/api/admin/v1/tickets*`: for those who work on tickets (spec: tickets, "Admin"). */
export const ticketStaffRoutes = {
  listTickets: defineRoute({
    ...staff,
    id: 'admin.tickets.list',
    summary: 'List the tickets of all tokens, or search them',
    description:
      'Newest first; with q by how well they fit. A page with filters can have fewer tickets than asked for, and more may follow: go on until next_cursor is null.',
    method: 'GET',
    path: PREFIX,
    query: schemas.listStaffTicketsQuery,
    responses: { 200: { description: 'A page', schema: schemas.listStaffTicketsAnswer } },
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER'],
  }),
  getTicket: defineRoute({
    ...one,
    id: 'admin.tickets.get',
    summary: 'One ticket with its clocks',
    method: 'GET',
    path: ONE,
    responses: answers('The ticket'),
    errors,
  }),
  updateTicket: defineRoute({
    ...one,
    id: 'admin.tickets.update',
    summary: 'Assign a ticket, or change its priority or category',
    description:
      'What is left out stays as it is; null clears. The assignee must be an agent or administrator.',
    method: 'PATCH',
    path: ONE,
    body: schemas.updateStaffTicketBody,
    responses: answers('Changed'),
    errors: [...errors, 'INVALID_INPUT', 'PRECONDITION_FAILED'],
  }),
  setTicketStatus: defineRoute({
    ...one,
    id: 'admin.tickets.set_status',
    summary: 'Change the status of a ticket',
    method: 'PATCH',
    path: `${ONE}/status`,
    body: schemas.setStaffStatusBody,
    responses: answers('Changed'),
    errors: [...errors, 'INVALID_INPUT', 'PRECONDITION_FAILED'],
  }),
  addComment: defineRoute({
    ...one,
    id: 'admin.tickets.add_comment',
    summary: 'Answer on a ticket, or leave an internal note',
    description: 'The first answer stops the clock of the first response; an internal note does not.',
    method: 'POST',
    path: `${ONE}/comments`,
    idempotent: true,
    body: schemas.addStaffCommentBody,
    responses: { 201: { description: 'Added', schema: schemas.staffCommentAnswer } },
    errors: [...errors, 'INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),
  listComments: defineRoute({
    ...one,
    id: 'admin.tickets.list_comments',
    summary: 'The comments on a ticket, internal notes too',
    method: 'GET',
    path: `${ONE}/comments`,
    query: schemas.listStaffCommentsQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listStaffCommentsAnswer } },
    errors,
  }),
  getHistory: defineRoute({
    ...one,
    id: 'admin.tickets.get_history',
    summary: 'Everything that was done to a ticket, and by whom',
    method: 'GET',
    path: `${ONE}/history`,
    query: schemas.ticketHistoryQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.ticketHistoryAnswer } },
    errors,
  }),
  listAttachments: defineRoute({
    ...one,
    id: 'admin.tickets.list_attachments',
    summary: 'The files of a ticket, each with an address that opens it for a while',
    method: 'GET',
    path: `${ONE}/attachments`,
    responses: { 200: { description: 'Oldest first', schema: schemas.staffAttachmentsAnswer } },
    errors,
  }),
} satisfies Record<string, RouteContract>;
