import { defineRoute, type RouteContract } from '../route.ts';
import { TICKETS_PREFIX } from './endpoints.ts';
import * as schemas from './schemas.ts';

const tickets = {
  service: 'ticket-service',
  surface: 'tickets',
  credentials: ['integration_token'],
  limitGroup: 'tickets',
} as const;

const GUIDE = 'Integration tickets guide';
const OURS = 'Switchboard';
const TICKETS = `${TICKETS_PREFIX}/tickets`;
const ONE = `${TICKETS}/:ticket_id`;
const one = { ...tickets, params: schemas.ticketParams } as const;
const ETAG = { etag: 'Of the ticket as it is: for If-Match and If-None-Match' } as const;

const health = {
  ...tickets,
  summary: 'Is the API up, and what does it offer?',
  source: GUIDE,
  method: 'GET',
  responses: { 200: { description: 'The API answers', schema: schemas.ticketsHealthAnswer } },
  errors: [],
} as const;

/** The tickets surface, `/functions/v1/integration-tickets/*` (spec: tickets). */
export const ticketRoutes = {
  // The same at both addresses: supabase-js calls a function without a slash, the guide's curl with one.
  health: defineRoute({ ...health, id: 'tickets.health.get', path: TICKETS_PREFIX }),
  healthWithSlash: defineRoute({
    ...health,
    id: 'tickets.health.get_with_slash',
    path: `${TICKETS_PREFIX}/`,
  }),
  createTicket: defineRoute({
    ...tickets,
    id: 'tickets.tickets.create',
    summary: 'Open a ticket',
    source: GUIDE,
    method: 'POST',
    path: TICKETS,
    idempotent: true,
    body: schemas.createTicketBody,
    responses: { 201: { description: 'Opened', schema: schemas.ticketAnswer, headers: ETAG } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),
  createTickets: defineRoute({
    ...tickets,
    id: 'tickets.tickets.create_batch',
    summary: 'Open up to 100 tickets at once',
    description:
      'One result for each, in their order: a faulty one does not keep out the others. Those that are opened are opened together, or none is.',
    source: OURS,
    method: 'POST',
    path: `${TICKETS}/batch`,
    idempotent: true,
    bodyBytesMax: schemas.BATCH_BODY_BYTES_MAX,
    inspectsEntries: true,
    body: schemas.createTicketsBody,
    responses: { 200: { description: 'A result for each', schema: schemas.createTicketsAnswer } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),
  listTickets: defineRoute({
    ...tickets,
    id: 'tickets.tickets.list',
    summary: 'List the tickets of this token, or search them',
    description:
      'Newest first; with q by how well they fit. A page with filters can have fewer tickets than asked for, and more may follow: go on until next_cursor is null.',
    source: OURS,
    method: 'GET',
    path: TICKETS,
    query: schemas.listTicketsQuery,
    responses: { 200: { description: 'A page', schema: schemas.listTicketsAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  listChanges: defineRoute({
    ...tickets,
    id: 'tickets.changes.list',
    summary: 'What happened to the tickets of this token, in order and without a gap',
    description:
      'Sequences are 1, 2, 3 and so on: whoever has them all missed nothing. With wait, an answer comes as soon as there is a change. Webhooks carry the same ids.',
    source: OURS,
    method: 'GET',
    path: `${TICKETS}/changes`,
    // Longer than anybody waits.
    timeoutSeconds: 45,
    query: schemas.listChangesQuery,
    responses: { 200: { description: 'Oldest first', schema: schemas.listChangesAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  getTicket: defineRoute({
    ...one,
    id: 'tickets.tickets.get',
    summary: 'A ticket',
    source: GUIDE,
    method: 'GET',
    path: ONE,
    responses: {
      200: { description: 'The ticket', schema: schemas.ticketAnswer, headers: ETAG },
      304: { description: 'It is as If-None-Match says', headers: ETAG },
    },
    errors: ['INVALID_PARAMETER', 'TICKET_NOT_FOUND'],
  }),
  updateTicket: defineRoute({
    ...one,
    id: 'tickets.tickets.update',
    summary: 'Change a ticket',
    description:
      'What is left out stays as it is, null clears; metadata is merged. With If-Match only if nobody changed it since.',
    source: OURS,
    method: 'PATCH',
    path: ONE,
    body: schemas.updateTicketBody,
    responses: { 200: { description: 'Changed', schema: schemas.ticketAnswer, headers: ETAG } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'TICKET_NOT_FOUND', 'PRECONDITION_FAILED'],
  }),
  setTicketStatus: defineRoute({
    ...one,
    id: 'tickets.tickets.set_status',
    summary: 'Change the status of a ticket',
    source: GUIDE,
    method: 'PATCH',
    path: `${ONE}/status`,
    body: schemas.setStatusBody,
    responses: { 200: { description: 'Changed', schema: schemas.statusAnswer, headers: ETAG } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'TICKET_NOT_FOUND', 'PRECONDITION_FAILED'],
  }),
  addComment: defineRoute({
    ...one,
    id: 'tickets.comments.create',
    summary: 'Comment on a ticket',
    source: GUIDE,
    method: 'POST',
    path: `${ONE}/comments`,
    idempotent: true,
    body: schemas.addCommentBody,
    responses: { 201: { description: 'Added', schema: schemas.commentCreatedAnswer } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'TICKET_NOT_FOUND', 'DUPLICATE_REQUEST'],
  }),
  listComments: defineRoute({
    ...one,
    id: 'tickets.comments.list',
    summary: 'The comments on a ticket, without internal notes',
    source: OURS,
    method: 'GET',
    path: `${ONE}/comments`,
    query: schemas.listCommentsQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listCommentsAnswer } },
    errors: ['INVALID_PARAMETER', 'TICKET_NOT_FOUND'],
  }),
  addAttachment: defineRoute({
    ...one,
    id: 'tickets.attachments.create',
    summary: 'Attach a file to a ticket',
    description:
      'A form with one part, `file`, of at most 20 MB. What it is, its content says: a file that says it is something else is refused.',
    source: OURS,
    method: 'POST',
    path: `${ONE}/attachments`,
    idempotent: true,
    bodyBytesMax: schemas.ATTACHMENT_BODY_BYTES_MAX,
    timeoutSeconds: 120,
    consumes: ['multipart/form-data'],
    body: schemas.addAttachmentBody,
    responses: { 201: { description: 'Attached', schema: schemas.attachmentAnswer } },
    errors: [
      'INVALID_INPUT',
      'INVALID_PARAMETER',
      'TICKET_NOT_FOUND',
      'TOO_MANY',
      'DUPLICATE_REQUEST',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ],
  }),
  listAttachments: defineRoute({
    ...one,
    id: 'tickets.attachments.list',
    summary: 'The files of a ticket, each with an address that opens it for a while',
    source: OURS,
    method: 'GET',
    path: `${ONE}/attachments`,
    responses: { 200: { description: 'Oldest first', schema: schemas.listAttachmentsAnswer } },
    errors: ['INVALID_PARAMETER', 'TICKET_NOT_FOUND'],
  }),
  getAttachmentContent: defineRoute({
    service: 'ticket-service',
    surface: 'tickets',
    // Its address is signed, and opens this one file for a while.
    credentials: [],
    id: 'tickets.attachments.get_content',
    summary: 'The content of a file, by a signed address of an answer',
    source: OURS,
    method: 'GET',
    path: `${TICKETS_PREFIX}/attachments/:attachment_id/content`,
    timeoutSeconds: 120,
    params: schemas.attachmentContentParams,
    query: schemas.attachmentContentQuery,
    responses: { 200: { description: 'The file', mediaType: 'application/octet-stream' } },
    errors: ['INVALID_PARAMETER', 'SIGNED_URL_INVALID'],
  }),
} satisfies Record<string, RouteContract>;
