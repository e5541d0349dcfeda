import { z } from 'zod';
import { adminActExample, adminActSchema } from '../audit.ts';
import { defineEvent } from '../event.ts';
import { timestampSchema } from '../fields.ts';
import { callActionSchema, callReasonSchema, callTypeSchema } from './schemas.ts';

const CALL = '6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d21';
const ACCOUNT = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const AT = '2024-01-20T10:00:00.000Z';

/** What every event of a call says of it. */
const callData = z.object({
  call_id: z.uuid(),
  account_id: z.uuid(),
  name: z.string(),
  phone: z.string(),
  call_type: callTypeSchema,
  /** Of the frame that said the same on the socket. */
  sequence: z.int(),
  at: timestampSchema,
});
const example = {
  call_id: CALL,
  account_id: ACCOUNT,
  name: 'John',
  phone: '+1234567890',
  call_type: 'inbound' as const,
  sequence: 1,
  at: AT,
};
const over = callData.extend({
  reason: callReasonSchema,
  started_at: timestampSchema,
  connected_at: timestampSchema.nullable(),
  duration_seconds: z.int(),
});
const overExample = {
  ...example,
  sequence: 4,
  at: '2024-01-20T10:05:00.000Z',
  reason: 'hangup' as const,
  started_at: AT,
  connected_at: '2024-01-20T10:00:02.000Z',
  duration_seconds: 300,
};

const call = { version: 1, producer: 'call-service' } as const;

export const callEvents = {
  initialized: defineEvent({
    ...call,
    name: 'calls.call.initialized',
    summary: 'A call begins.',
    data: callData,
    example,
  }),
  ringing: defineEvent({
    ...call,
    name: 'calls.call.ringing',
    summary: 'The far end rings.',
    data: callData,
    example: { ...example, sequence: 2 },
  }),
  connected: defineEvent({
    ...call,
    name: 'calls.call.connected',
    summary: 'The far end answered.',
    data: callData,
    example: { ...example, sequence: 3 },
  }),
  ended: defineEvent({
    ...call,
    name: 'calls.call.ended',
    summary: 'A call is over.',
    data: over,
    example: overExample,
  }),
  failed: defineEvent({
    ...call,
    name: 'calls.call.failed',
    summary: 'A call came to nothing, or broke.',
    data: over,
    example: { ...overExample, reason: 'busy', connected_at: null, duration_seconds: 1 },
  }),
  actionPerformed: defineEvent({
    ...call,
    name: 'calls.action.performed',
    summary: 'Something was done in a call: muted, held, a key pressed.',
    data: callData.extend({
      action: callActionSchema,
      dtmf_digit: z.string().nullable(),
      target: z.string().nullable(),
    }),
    example: { ...example, sequence: 4, action: 'dtmf', dtmf_digit: '5', target: null },
  }),
  adminActed: defineEvent({
    ...call,
    name: 'calls.admin.acted',
    summary: 'An administrator did something to calls.',
    data: adminActSchema,
    example: { ...adminActExample, action: 'call.import' },
  }),
};
