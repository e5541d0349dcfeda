import { z } from 'zod';
import type { Principal } from '../credentials/principal.ts';
import { isStorable, smallRecord } from '../fields.ts';

/**
 * TERMINOLOGY — *owner*: whom a message is for and whose endpoints get it, `<kind>:<id>`: `account:<id>`,
 * `partner_key:<id>`, `integration_token:<id>`, `user:<id>`, `platform:…`. *Event type*: what happened, words divided by
 * dots. *Pattern*: an event type, or one whose end is left open (`ticket.*`), or `*`.
 */

/** `ticket.created`: at least two words of lower-case letters, digits and `_`, divided by dots (Standard Webhooks, "Event types"). */
export const eventTypeSchema = z
  .string()
  .max(100, 'must have at most 100 characters')
  .regex(/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$/, 'must be words divided by dots, such as ticket.created');

export const eventTypePatternSchema = z
  .string()
  .max(100, 'must have at most 100 characters')
  .regex(
    /^(\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?)$/,
    'must be an event type, one that ends in .* such as ticket.*, or *',
  );

export const webhookOwnerSchema = z
  .string()
  .max(200, 'must have at most 200 characters')
  .regex(/^[a-z][a-z_]*:[\x21-\x7e]+$/, 'must be a kind and an id, such as account:0192f0c1-…');

/** Of operational messages about webhooks themselves; `*` does not stand for these. */
export const OPERATIONAL_PREFIX = 'webhooks.';

/**
 * Every pattern that takes an event type: itself, its beginnings with `.*`, and `*`. Messages about webhooks themselves are
 * for whoever asked for them by name: an endpoint that takes everything is not told that it fails.
 */
export const patternsFor = (eventType: string): readonly string[] => {
  const words = eventType.split('.');
  const beginnings = words.slice(1).map((_, index) => `${words.slice(0, index + 1).join('.')}.*`);
  return [eventType, ...beginnings, ...(eventType.startsWith(OPERATIONAL_PREFIX) ? [] : ['*'])];
};

/** Who a principal is as an owner of endpoints; null: it cannot own any. */
export const webhookOwnerOf = (principal: Principal): string | null => {
  switch (principal.kind) {
    case 'user':
      return `user:${principal.user_id}`;
    case 'api_key':
      return `account:${principal.account_id}`;
    case 'integration_token':
      return `integration_token:${principal.token_id}`;
    case 'partner_key':
      return `partner_key:${principal.key_id}`;
    default:
      return null;
  }
};

/**
 * The body of a message as Standard Webhooks recommends it ("Payload structure"): type, time and data, printed by
 * JSON.stringify. It is sent and signed as these bytes. A service tells an owner something with
 * `emit(webhookEvents.messagePublished, { message_id, owner, event_type, environment, body: webhookBody(event_type, at, data) })`
 * inside the transaction of what happened.
 *
 * @param at when it happened, not when it is sent: the same over every attempt
 * @param data what the receiver needs to know; never a secret, for it is stored and shown to administrators
 */
export const webhookBody = (eventType: string, at: Date, data: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ type: eventType, timestamp: at.toISOString(), data });

export const messageIdSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'must have 1 to 200 visible ASCII characters');

/**
 * No dot in it: dots divide what is signed, `<id>.<time>.<body>`, and with one in the id another id with another time could
 * stand for the same bytes (Standard Webhooks, "Signature scheme").
 */
export const publishedMessageIdSchema = z
  .string()
  .regex(/^[\x21-\x2d\x2f-\x7e]{1,200}$/, 'must have 1 to 200 visible ASCII characters, and no dot');

export const deliveryStatuses = ['pending', 'held', 'succeeded', 'exhausted', 'cancelled'] as const;
/**
 * `pending`: an attempt is to come, or runs. `held`: kept while its endpoint is disabled. `exhausted`: nobody tries again by
 * itself. `cancelled`: its endpoint was deleted.
 */
export const deliveryStatusSchema = z.enum(deliveryStatuses);
export type DeliveryStatus = z.infer<typeof deliveryStatusSchema>;

export const profileSchema = z.enum(['partner', 'standard']);
export type WebhookProfile = z.infer<typeof profileSchema>;

const HEADERS_MAX = 20;
/** Headers that say who sends what to whom, or how: ours alone. */
const RESERVED_HEADERS =
  /^(host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|content-.*|accept-encoding|user-agent|traceparent|tracestate|date|webhook-.*|x-webhook-.*|x-partner-.*|proxy-.*|forwarded|x-forwarded-.*|via)$/;

/** Headers that every attempt to an endpoint carries, such as a token that its receiver wants to see. */
export const customHeadersSchema = smallRecord(
  z.record(
    z
      .string()
      .toLowerCase()
      .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'must be the name of a header')
      .refine((name) => !RESERVED_HEADERS.test(name), 'must be none of the headers that Switchboard sets'),
    z
      .string()
      .min(1, 'must not be empty')
      .max(2000, 'must have at most 2000 characters')
      .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be visible ASCII characters'),
  ),
  HEADERS_MAX,
  'headers',
);

/** Seconds before the first attempt, then after each failed one. */
export const scheduleSchema = z
  .array(z.number().min(0, 'must be at least 0').max(172_800, 'must be at most 172800 (two days)'))
  .min(1, 'must have at least one step')
  .max(20, 'must have at most 20 steps');

export const targetUrlSchema = z
  .string()
  .max(2048, 'must have at most 2048 characters')
  .refine(isStorable, 'must be well-formed Unicode without NUL');
