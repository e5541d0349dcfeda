import type { AiSchema } from './ai/types.generated.ts';
import type { CallsSchema } from './calls/types.generated.ts';
import type { IdentitySchema } from './identity/types.generated.ts';
import type { PartnerSchema } from './partner/types.generated.ts';
import type { TicketsSchema } from './tickets/types.generated.ts';
import type { WebhooksSchema } from './webhooks/types.generated.ts';

export type { AiSchema } from './ai/types.generated.ts';
export type { CallsSchema } from './calls/types.generated.ts';
export type { IdentitySchema } from './identity/types.generated.ts';
export type { PartnerSchema } from './partner/types.generated.ts';
export type { TicketsSchema } from './tickets/types.generated.ts';
export type { WebhooksSchema } from './webhooks/types.generated.ts';

/** The tables of each service, by schema. Outbox, inbox and idempotency records are not among them: helpers write those. */
export interface Schemas {
  identity: IdentitySchema;
  calls: CallsSchema;
  partner: PartnerSchema;
  tickets: TicketsSchema;
  ai: AiSchema;
  webhooks: WebhooksSchema;
}

export type SchemaName = keyof Schemas;

/** The role that each service connects with. */
export const serviceRoles: Readonly<Record<SchemaName, string>> = {
  identity: 'switchboard_identity',
  calls: 'switchboard_calls',
  partner: 'switchboard_partner',
  tickets: 'switchboard_tickets',
  ai: 'switchboard_ai',
  webhooks: 'switchboard_webhooks',
};

/** Whoever runs the platform: may use what migrations grant it, and finds the partner schema without its name. */
export const operatorRole = 'switchboard_operator';

export const schemaNames: readonly SchemaName[] = [
  'identity',
  'calls',
  'partner',
  'tickets',
  'ai',
  'webhooks',
];
