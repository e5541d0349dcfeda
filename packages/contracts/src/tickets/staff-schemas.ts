import { z } from 'zod';
import { nextCursorSchema, timestampSchema, wholeText } from '../fields.ts';
import { instantSchema } from '../partner/schemas.ts';
import {
  attachmentSchema,
  commentSchema,
  optionalParameter,
  setStatusBody,
  ticketCategorySchema,
  ticketCursorSchema,
  ticketLimitSchema,
  ticketPrioritySchema,
  ticketSchema,
  ticketSearchSchema,
  ticketStatusSchema,
} from './schemas.ts';

/**
 * What those who work on tickets see and do.
 *
 * TERMINOLOGY — *clock*: how long a promise has left, counted in business hours: until the first response, until the
 * resolution. It stands still while the ticket is `waiting` and once it is resolved. *Breach*: a clock ran out.
 */
const clockSchema = z.object({
  /** Of business time, by the priority of the ticket. */
  target_minutes: z.number().int().nullable(),
  /** Null: it stands still, or there is no target. */
  due_at: timestampSchema.nullable(),
  met_at: timestampSchema.nullable(),
  breached_at: timestampSchema.nullable(),
});

export const staffTicketSchema = ticketSchema.extend({
  /** Null: it was opened inside, such as from a call. */
  token_id: z.uuid().nullable(),
  /** The name of the token when the ticket was opened, or the service that opened it. */
  integration_source: z.string(),
  call_id: z.uuid().nullable(),
  assignee: z.object({ id: z.uuid(), name: z.string().nullable() }).nullable(),
  version: z.number().int(),
  sla: z.object({
    running: z.boolean(),
    first_response: clockSchema,
    resolution: clockSchema,
  }),
});
export type StaffTicketView = z.output<typeof staffTicketSchema>;

export const staffTicketParams = z.object({ ticket_id: z.uuid('must be a UUID') });
export const staffTicketAnswer = z.object({ ticket: staffTicketSchema });

export const listStaffTicketsQuery = z.object({
  limit: ticketLimitSchema,
  cursor: ticketCursorSchema,
  q: optionalParameter(ticketSearchSchema),
  status: optionalParameter(ticketStatusSchema),
  priority: optionalParameter(ticketPrioritySchema),
  category: optionalParameter(z.string().max(100, 'must have at most 100 characters')),
  assignee_id: optionalParameter(
    z.union([z.uuid('must be a UUID, or none'), z.literal('none')], 'must be a UUID, or none').meta({
      description: 'Whose they are; `none`: nobody has them in hand',
    }),
  ),
  token_id: optionalParameter(z.uuid('must be a UUID')),
  call_id: optionalParameter(z.uuid('must be a UUID')),
  sla: optionalParameter(z.literal('breached', 'must be breached')),
  created_after: optionalParameter(instantSchema),
  created_before: optionalParameter(instantSchema),
});
export const listStaffTicketsAnswer = z.object({
  tickets: z.array(staffTicketSchema),
  next_cursor: nextCursorSchema,
});

export const updateStaffTicketBody = z
  .strictObject({
    priority: ticketPrioritySchema.optional(),
    category: ticketCategorySchema,
    /** Null: nobody has it in hand any more. */
    assignee_id: z.uuid('must be a UUID').nullable().optional(),
  })
  .refine(
    (body) => Object.values(body).some((value) => value !== undefined),
    'must change priority, category or assignee_id',
  );
export const setStaffStatusBody = setStatusBody;

export const staffCommentSchema = commentSchema.extend({
  is_internal: z.boolean(),
  author_kind: z.enum(['token', 'staff', 'service']),
  author_id: z.string(),
});
export const addStaffCommentBody = z.strictObject({
  content: wholeText(20_000),
  is_internal: z.boolean().nullish(),
});
export const staffCommentAnswer = z.object({ comment: staffCommentSchema });
export const listStaffCommentsQuery = z.object({ limit: ticketLimitSchema, cursor: ticketCursorSchema });
export const listStaffCommentsAnswer = z.object({
  comments: z.array(staffCommentSchema),
  next_cursor: nextCursorSchema,
});

export const ticketHistoryTypes = [
  'created',
  'updated',
  'status_changed',
  'commented',
  'assigned',
  'attached',
  'sla_breached',
] as const;
export const ticketHistoryAnswer = z.object({
  entries: z.array(
    z.object({
      id: z.uuid(),
      type: z.enum(ticketHistoryTypes),
      actor: z.object({
        kind: z.enum(['token', 'staff', 'service']),
        id: z.string(),
        name: z.string().nullable(),
      }),
      /** Its number in the feed of its token; null: it stays inside. */
      sequence: z.number().int().nullable(),
      /** By field: what was so and is so. */
      changes: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
      comment_id: z.uuid().nullable(),
      attachment_id: z.uuid().nullable(),
      at: timestampSchema,
    }),
  ),
  next_cursor: nextCursorSchema,
});
export const ticketHistoryQuery = z.object({ limit: ticketLimitSchema, cursor: ticketCursorSchema });

export const staffAttachmentsAnswer = z.object({
  attachments: z.array(attachmentSchema.extend({ url: z.string(), url_expires_at: timestampSchema })),
});
