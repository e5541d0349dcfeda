import { z } from 'zod';
import {
  cursorSchema,
  freeObject,
  isStorable,
  limitSchema,
  nextCursorSchema,
  text,
  timestampSchema,
  wholeText,
} from '../fields.ts';
import { instantSchema } from '../partner/schemas.ts';

/**
 * What the tickets surface takes and answers (spec: tickets). Field names and shapes are those of its guide.
 *
 * TERMINOLOGY — *ticket*: what somebody wants to have done; it belongs to the token that opened it, or to nobody outside.
 * *Comment*: what is said about it. *Internal note*: a comment that stays inside. *Change*: one thing that happened to a
 * ticket and may be known outside. *Sequence*: its number among the changes of a token, without a gap. *Feed*: the changes
 * of a token in that order.
 */
export const ticketStatuses = ['open', 'in_progress', 'waiting', 'resolved', 'closed'] as const;
export const ticketStatusSchema = z.enum(ticketStatuses);
export type TicketStatus = z.infer<typeof ticketStatusSchema>;

export const ticketPriorities = ['low', 'medium', 'high', 'urgent'] as const;
export const ticketPrioritySchema = z.enum(ticketPriorities);
export type TicketPriority = z.infer<typeof ticketPrioritySchema>;

/** An empty parameter asks for nothing: that is what forms send. */
export const optionalParameter = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional());

export const ticketLimitSchema = z.preprocess((value) => (value === '' ? undefined : value), limitSchema);
export const ticketCursorSchema = optionalParameter(cursorSchema);

const METADATA_BYTES_MAX = 16_000;
/** With a comment and all else, far below what an event may be. */
const DESCRIPTION_CHARACTERS_MAX = 50_000;
const COMMENT_CHARACTERS_MAX = 20_000;
export const TICKETS_PER_BATCH_MAX = 100;
export const BATCH_BODY_BYTES_MAX = 8 * 1024 * 1024;
export const WAIT_SECONDS_MAX = 30;

export const ticketTitleSchema = text(500).meta({ example: 'The printer is on fire' });
/** Empty is as good as none: that is what forms send. */
const optionalText = (text: z.ZodString, max: number) =>
  text
    .max(max, `must have at most ${max} characters`)
    .refine(isStorable, 'must be well-formed Unicode without NUL')
    .transform((value) => (value.trim() === '' ? null : value))
    .nullish();
/** Not trimmed: the first line of a program or a stack trace is indented as the others are. */
export const ticketDescriptionSchema = optionalText(z.string(), DESCRIPTION_CHARACTERS_MAX);
export const ticketCategorySchema = optionalText(z.string().trim(), 100);
export const ticketMetadataSchema = freeObject(METADATA_BYTES_MAX);

/** Null is as good as nothing; what is left out gets its default. */
export const createTicketBody = z.object({
  title: ticketTitleSchema,
  description: ticketDescriptionSchema,
  priority: ticketPrioritySchema.nullish(),
  category: ticketCategorySchema,
  metadata: ticketMetadataSchema.nullish(),
});
export type CreateTicketInput = z.output<typeof createTicketBody>;

export const ticketParams = z.object({ ticket_id: z.uuid('must be a UUID') });

/** A ticket as whoever opened it sees it. */
export const ticketSchema = z.object({
  id: z.uuid(),
  title: z.string(),
  description: z.string().nullable(),
  status: ticketStatusSchema,
  priority: ticketPrioritySchema,
  category: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  created_at: timestampSchema,
  /** Internal notes and what else stays inside do not move it. */
  updated_at: timestampSchema,
  resolved_at: timestampSchema.nullable(),
  closed_at: timestampSchema.nullable(),
});
export type TicketView = z.output<typeof ticketSchema>;
export const ticketAnswer = z.object({ ticket: ticketSchema });

export const addCommentBody = z.object({
  content: wholeText(COMMENT_CHARACTERS_MAX),
  /** True: for those who work on the ticket; it never leaves through this surface again. */
  is_internal: z.boolean().nullish(),
});
export const commentCreatedAnswer = z.object({ comment_id: z.uuid() });

export const setStatusBody = z.object({ status: ticketStatusSchema });
export const statusAnswer = z.object({
  success: z.literal(true),
  ticket: z.object({ id: z.uuid(), status: ticketStatusSchema, updated_at: timestampSchema }),
});

export const ticketSearchSchema = z
  .string()
  .trim()
  .max(200, 'must have at most 200 characters')
  .refine(isStorable, 'must be well-formed Unicode without NUL');

const instant = optionalParameter(instantSchema);

export const listTicketsQuery = z.object({
  status: optionalParameter(ticketStatusSchema),
  priority: optionalParameter(ticketPrioritySchema),
  category: optionalParameter(z.string().max(100, 'must have at most 100 characters')),
  created_after: instant,
  created_before: instant,
  q: optionalParameter(ticketSearchSchema).meta({
    description: 'Words of title, category and description; answers come by how well they fit',
  }),
  limit: ticketLimitSchema,
  cursor: ticketCursorSchema,
});
export const listTicketsAnswer = z.object({ tickets: z.array(ticketSchema), next_cursor: nextCursorSchema });

export const commentSchema = z.object({
  id: z.uuid(),
  content: z.string(),
  /** The name of the token, or "Support". */
  author: z.string(),
  created_at: timestampSchema,
});
export const listCommentsQuery = z.object({ limit: ticketLimitSchema, cursor: ticketCursorSchema });
export const listCommentsAnswer = z.object({
  comments: z.array(commentSchema),
  next_cursor: nextCursorSchema,
});

/**
 * What is left out stays as it is; null clears description, category and metadata. Metadata is merged (RFC 7396): objects in it
 * too, and null removes an entry.
 */
export const updateTicketBody = z
  .object({
    title: ticketTitleSchema.optional(),
    description: ticketDescriptionSchema,
    priority: ticketPrioritySchema.optional(),
    category: ticketCategorySchema,
    metadata: ticketMetadataSchema.nullish(),
  })
  .refine(
    (body) => Object.values(body).some((value) => value !== undefined),
    'must change title, description, priority, category or metadata',
  );
export type UpdateTicketInput = z.output<typeof updateTicketBody>;

/** Each is looked at by itself, so that a faulty one does not keep out the others. */
export const createTicketsBody = z.object({
  tickets: z
    .array(z.unknown())
    .min(1, 'must have at least one')
    .max(TICKETS_PER_BATCH_MAX, `must have at most ${TICKETS_PER_BATCH_MAX}`),
});
export const ticketsErrorSchema = z.object({
  error: z.string(),
  message: z.string(),
  details: z.string().optional(),
});
export const createTicketsAnswer = z.object({
  /** One for each ticket, in their order. */
  results: z.array(
    z.union([
      z.object({ status: z.literal(201), ticket: ticketSchema }),
      z.object({ status: z.literal(400), error: ticketsErrorSchema }),
    ]),
  ),
});

export const ticketChangeTypes = [
  'ticket.created',
  'ticket.updated',
  'ticket.status_changed',
  'ticket.commented',
  'ticket.sla_breached',
] as const;
export const ticketChangeTypeSchema = z.enum(ticketChangeTypes);
export type TicketChangeType = z.infer<typeof ticketChangeTypeSchema>;

export const attachmentSchema = z.object({
  id: z.uuid(),
  file_name: z.string(),
  /** By its content, whatever its sender said. */
  content_type: z.string(),
  size_bytes: z.number().int(),
  sha256: z.string(),
  created_at: timestampSchema,
});
export type AttachmentView = z.output<typeof attachmentSchema>;

/** The ticket as it is since, and what happened. */
export const changeDataSchema = z.object({
  ticket: ticketSchema,
  /** Of `ticket.updated`: which fields; `attachments` is one. */
  changed: z.array(z.string()).optional(),
  attachment: attachmentSchema.optional(),
  /** Of `ticket.status_changed`. */
  previous_status: ticketStatusSchema.optional(),
  /** Of `ticket.commented`. */
  comment: commentSchema.optional(),
  /** Of `ticket.sla_breached`. */
  sla: z.object({ clock: z.enum(['first_response', 'resolution']), due_at: timestampSchema }).optional(),
});
export type ChangeData = z.output<typeof changeDataSchema>;

export const changeSchema = z.object({
  sequence: z.number().int(),
  /** `webhook-id` of the same change, where an endpoint gets it. */
  id: z.uuid(),
  type: ticketChangeTypeSchema,
  ticket_id: z.uuid(),
  data: changeDataSchema,
  at: timestampSchema,
});
export type ChangeView = z.output<typeof changeSchema>;

export const listChangesQuery = z.object({
  cursor: optionalParameter(
    z.string().regex(/^(?:\d{1,15}|latest)$/, 'must be a next_cursor, a sequence, or latest'),
  ).meta({
    description:
      'The sequence of the last change that is known; without it from the first one on. `latest`: from now on',
  }),
  limit: ticketLimitSchema,
  wait: z
    .preprocess(
      (value) => (typeof value === 'string' && !/^\d{0,3}$/.test(value) ? Number.NaN : value || 0),
      z.coerce
        .number('must be a whole number of seconds')
        .int('must be a whole number of seconds')
        .min(0, 'must be at least 0')
        .max(WAIT_SECONDS_MAX, `must be at most ${WAIT_SECONDS_MAX}`),
    )
    .default(0)
    .meta({ description: 'Seconds to wait for the next change when there is none' }),
});
export const listChangesAnswer = z.object({
  changes: z.array(changeSchema),
  /** For `cursor` next time: the sequence of the last change so far. */
  next_cursor: z.string(),
});

export const ATTACHMENT_BYTES_MAX = 20 * 1024 * 1024;
/** Room for what a form adds to a file. */
export const ATTACHMENT_BODY_BYTES_MAX = ATTACHMENT_BYTES_MAX + 64 * 1024;
export const attachmentParams = z.object({
  ticket_id: z.uuid('must be a UUID'),
  attachment_id: z.uuid('must be a UUID'),
});
/** A form with one file. Its bytes; the name and the kind that its sender gave come with the part. */
export const addAttachmentBody = z.object({
  file: z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be a file'),
});
const attachmentWithUrl = attachmentSchema.extend({
  /** Opens this file for whoever has the address, until url_expires_at. */
  url: z.string(),
  url_expires_at: timestampSchema,
});
export const attachmentAnswer = z.object({ attachment: attachmentWithUrl });
export const listAttachmentsAnswer = z.object({ attachments: z.array(attachmentWithUrl) });

export const attachmentContentParams = z.object({ attachment_id: z.uuid('must be a UUID') });
export const attachmentContentQuery = z.object({
  expires: z.string().regex(/^\d{1,12}$/, 'must be a time in seconds'),
  signature: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a signature'),
});

export const tokenWebhookEventSchema = z.enum([...ticketChangeTypes, 'ticket.*', '*']);

export const ticketsHealthAnswer = z.object({
  status: z.literal('ok'),
  endpoints: z.array(z.string()),
});
