import { z } from 'zod';
import { cursorSchema, freeObject, isStorable, nextCursorSchema, text, timestampSchema } from '../fields.ts';
import { createTicketBody, ticketStatusSchema } from '../tickets/schemas.ts';

/**
 * TERMINOLOGY — *call*: one conversation between a browser or server that talks to us and somebody on the telephone
 * network. *Leg*: its telephone side. *Outcome*: how it ended (`reason`). *Call log*: what is kept of it. *ANI*: the
 * telephone number of the other side, the guide's name in call logs.
 */
export const callStatuses = ['initializing', 'ringing', 'connected', 'ended', 'failed'] as const;
export const callStatusSchema = z.enum(callStatuses);
export type CallStatus = z.infer<typeof callStatusSchema>;

export const callTypes = ['inbound', 'outbound', 'audio', 'video'] as const;
export const callTypeSchema = z.enum(callTypes, `must be one of ${callTypes.join(', ')}`);
export type CallType = z.infer<typeof callTypeSchema>;

/** Ends as `ended`, the others as `failed`. */
export const endReasons = ['hangup', 'remote_hangup', 'max_duration', 'service_lost'] as const;
export const failureReasons = ['busy', 'no_answer', 'rejected', 'unreachable', 'media_failed'] as const;
export const callReasonSchema = z.enum([...endReasons, ...failureReasons]);
export type CallReason = z.infer<typeof callReasonSchema>;

export const callActions = ['mute', 'unmute', 'hold', 'resume', 'dtmf', 'transfer', 'hangup'] as const;
export const callActionSchema = z.enum(callActions, `must be one of ${callActions.join(', ')}`);
export type CallAction = z.infer<typeof callActionSchema>;

const PHONE = /^\+?[1-9]\d{6,14}$/;
/** A telephone number as people write it; what comes out has digits and perhaps a `+` alone. */
export const phoneSchema = z
  .string()
  .max(64, 'must have at most 64 characters')
  .transform((value) => value.replace(/[\s().\-‐-―\u2011[\]/]/g, ''))
  .refine((value) => PHONE.test(value), 'must be a telephone number in E.164 form, such as +1234567890')
  .meta({ example: '+1234567890' });

const METADATA_BYTES_MAX = 16 * 1024;

export const createCallBody = z.object({
  name: text(200).meta({ example: 'Customer Name' }),
  phone: phoneSchema,
  callType: callTypeSchema,
  metadata: freeObject(METADATA_BYTES_MAX).optional(),
  /** Taken and ignored: which session border controller is used is our business. */
  sbcType: z.unknown().optional(),
});

/** RTCIceServer of the WebRTC API. */
export const iceServerSchema = z.object({
  urls: z.array(z.string()),
  username: z.string().optional(),
  credential: z.string().optional(),
});

const success = <Data extends z.ZodType>(data: Data) => z.object({ success: z.literal(true), data });

export const createCallAnswer = success(
  z.object({
    callId: z.uuid(),
    /** For `new WebSocket` as it is: it carries a ticket, which is good for ten minutes and renewed while it is used. */
    wsUrl: z.string(),
    status: callStatusSchema,
    iceServers: z.array(iceServerSchema),
  }),
);

export const callParams = z.object({ callId: z.string() });

export const endCallAnswer = success(
  z.object({
    callId: z.uuid(),
    status: callStatusSchema,
    endTime: timestampSchema,
    /** Whole seconds from start to end. */
    duration: z.int(),
  }),
);

export const performedActionSchema = z.object({
  type: z.string(),
  timestamp: timestampSchema,
  status: z.enum(['performed', 'failed']),
  dtmfDigit: z.string().optional(),
  target: z.string().optional(),
});

/** A row of the call log; the first nine fields are the guide's. */
export const callLogSchema = z.object({
  callId: z.uuid(),
  customerName: z.string(),
  ani: z.string(),
  callType: callTypeSchema,
  startTime: timestampSchema,
  endTime: timestampSchema.nullable(),
  /** Whole seconds; null until it is over. */
  duration: z.int().nullable(),
  status: callStatusSchema,
  actions: z.array(performedActionSchema),
  connectedTime: timestampSchema.nullable(),
  /** How it ended; null until it is over, and for imported calls of which nobody knows. */
  reason: callReasonSchema.nullable(),
  metadata: z.record(z.string(), z.unknown()),
});

export const callDetailAnswer = success(
  callLogSchema.extend({
    isMuted: z.boolean(),
    isOnHold: z.boolean(),
    /** Of the last frame on its socket. */
    sequence: z.int(),
    /** Tickets that were opened about it, oldest first. */
    supportTickets: z.array(
      z.object({
        ticketId: z.uuid(),
        openedAt: timestampSchema,
        /** As those who work on it left it; a moment late. */
        status: ticketStatusSchema,
      }),
    ),
  }),
);

/** A support ticket about a call (spec: tickets); not one of those that open its socket. */
export const openSupportTicketBody = createTicketBody;
export const openSupportTicketAnswer = success(z.object({ ticketId: z.uuid(), callId: z.uuid() }));

const dtmfDigitSchema = z.string().regex(/^[0-9*#A-D]$/, 'must be one of 0-9, *, # and A-D');
/** A telephone number or a SIP URI. */
const targetSchema = z.union(
  [z.string().regex(/^sips?:[^\s<>"]{1,250}$/i), phoneSchema],
  'must be a telephone number or a SIP URI',
);

const actionFields = {
  action: callActionSchema,
  dtmfDigit: dtmfDigitSchema.optional(),
  target: targetSchema.optional(),
};
const checkAction = (
  value: { readonly action: CallAction; readonly dtmfDigit?: unknown; readonly target?: unknown },
  ctx: z.RefinementCtx,
): void => {
  const needed = value.action === 'dtmf' ? 'dtmfDigit' : value.action === 'transfer' ? 'target' : null;
  if (needed === null || value[needed] !== undefined) return;
  ctx.addIssue({ code: 'custom', path: [needed], message: `is needed for ${value.action}` });
};
export const actionBody = z.object(actionFields).superRefine(checkAction);
export type ActionInput = z.output<typeof actionBody>;

export const actionAnswer = success(
  z.object({
    callId: z.uuid(),
    status: callStatusSchema,
    action: callActionSchema,
    actionSuccess: z.literal(true),
  }),
);

export const createCallTicketAnswer = success(z.object({ wsUrl: z.string(), expiresAt: timestampSchema }));

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const isTime = (value: string): boolean => {
  if (!DAY.test(value)) return z.iso.datetime({ offset: true, local: true }).safeParse(value).success;
  const at = new Date(`${value}T00:00:00.000Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value);
};
/** A day, or a time; without an offset it is UTC. */
const dayOrTime = z
  .string()
  // In a query a + that nobody encoded is a space.
  .transform((value) => value.trim().replace(/ (?=\d{2}:?\d{2}$)/, '+'))
  .refine(isTime, 'must be a day such as 2024-01-31 or a time such as 2024-01-31T10:00:00Z')
  .meta({ example: '2024-01-31' });

const OFFSET_MAX = 10_000;
const wholeNumber = (min: number, max: number, more = '') =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}${more}`);

/** What a form was sent without: `new URLSearchParams(filters)` of the guide makes empty parameters of empty fields. */
const unlessEmpty = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema);

const filters = {
  customerName: z
    .string()
    .trim()
    .max(200, 'must have at most 200 characters')
    .refine(isStorable, 'must be well-formed Unicode without NUL')
    .optional(),
  /** Digits are what counts. */
  ani: unlessEmpty(
    z.string().max(64, 'must have at most 64 characters').regex(/\d/, 'must have digits').optional(),
  ),
  startDate: unlessEmpty(dayOrTime.optional()),
  endDate: unlessEmpty(dayOrTime.optional()),
  status: unlessEmpty(callStatusSchema.optional()),
  callType: unlessEmpty(callTypeSchema.optional()),
};

export const listCallLogsQuery = z.object({
  ...filters,
  callId: unlessEmpty(z.string().max(100).optional()),
  limit: unlessEmpty(wholeNumber(1, 100).default(100)),
  offset: unlessEmpty(wholeNumber(0, OFFSET_MAX, '; use cursor beyond').default(0)),
  cursor: unlessEmpty(cursorSchema),
});

export const listCallLogsAnswer = success(
  z.object({
    calls: z.array(callLogSchema),
    /** How many there are; left out where counting them would take long, and after the first page. */
    total: z.int().optional(),
    nextCursor: nextCursorSchema,
  }),
);

export const callLogAnswer = success(callLogSchema);

export const callStatsQuery = z.object({
  /** Default: seven days before the end. Hours count whole. */
  startDate: unlessEmpty(dayOrTime.optional()),
  endDate: unlessEmpty(dayOrTime.optional()),
});

export const callStatsAnswer = success(
  z.object({
    from: timestampSchema,
    to: timestampSchema,
    total: z.int(),
    /** Seconds, of those that are over; null when there are none. */
    averageDuration: z.number().nullable(),
    byStatus: z.record(callStatusSchema, z.int()),
    byType: z.record(callTypeSchema, z.int()),
    /** Hours in which calls began, oldest first; those without calls are left out. */
    byHour: z.array(
      z.object({ hour: timestampSchema, calls: z.int(), averageDuration: z.number().nullable() }),
    ),
  }),
);

/** One call of an earlier deployment. */
export const importedCallSchema = z.strictObject({
  callId: z.string().min(1).max(200),
  customerName: z.string().max(200),
  ani: z.string().max(64),
  callType: z.string().max(50).default('inbound'),
  startTime: z.string().max(50),
  endTime: z.string().max(50).nullish(),
  duration: z.number().min(0).nullish(),
  status: z.string().max(50).nullish(),
  actions: z.array(z.record(z.string(), z.unknown())).max(1000).default([]),
});

export const importCallsBody = z.strictObject({
  /** Whose calls they are: an API key's account. */
  account_id: z.uuid(),
  calls: z
    .array(z.unknown())
    .min(1)
    .max(500, 'must have at most 500 calls; send the rest in another request'),
});

export const importCallsAnswer = z.object({
  imported: z.int(),
  /** Those that are there already. */
  skipped: z.int(),
  /** What is wrong with those that were left out, by their place in the request. */
  refused: z.array(z.object({ index: z.int(), callId: z.string().nullable(), message: z.string() })),
});
