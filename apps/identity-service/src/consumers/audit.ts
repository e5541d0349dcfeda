import type { Bus, Consumer } from '@switchboard/bus';
import {
  callEvents,
  identityEvents,
  partnerEvents,
  ticketEvents,
  webhookEvents,
} from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Deps } from '../deps.ts';
import { insertAct } from '../domain/audit/audit-repository.ts';

/** One consumer a domain: each has its own stream. */
const sources = [
  { durable: 'identity-audit-of-identity', event: identityEvents.adminActed },
  { durable: 'identity-audit-of-calls', event: callEvents.adminActed },
  { durable: 'identity-audit-of-partner', event: partnerEvents.adminActed },
  { durable: 'identity-audit-of-tickets', event: ticketEvents.adminActed },
  { durable: 'identity-audit-of-webhooks', event: webhookEvents.adminActed },
];

/** Keeps what administrators did, in whichever service, as the audit log. */
export const consumeAudit = ({ data }: Pick<Deps, 'data'>, bus: Bus): readonly Consumer[] =>
  sources.map(({ durable, event }) =>
    startConsumer<'identity'>(data, {
      bus,
      durable,
      on: [
        onEvent(event, ({ trx, data: act, envelope }) =>
          insertAct(trx, { ...act, id: envelope.id, at: envelope.time, service: envelope.source }),
        ),
      ],
    }),
  );
