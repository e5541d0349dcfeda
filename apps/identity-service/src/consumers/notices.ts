import type { Bus, Consumer } from '@switchboard/bus';
import { identityEvents, partnerEvents, ticketEvents, webhookEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Deps } from '../deps.ts';
import { sendDisabledNotices, sendExpiryNotices, sendLeakNotices } from '../domain/notices/send-notices.ts';

const sources = [
  {
    durable: 'identity-notices-of-identity',
    noun: 'API key',
    leaked: identityEvents.apiKeyLeaked,
    expiring: identityEvents.apiKeyExpiring,
  },
  {
    durable: 'identity-notices-of-partner',
    noun: 'partner key',
    leaked: partnerEvents.keyLeaked,
    expiring: partnerEvents.keyExpiring,
  },
  {
    durable: 'identity-notices-of-tickets',
    noun: 'integration token',
    leaked: ticketEvents.tokenLeaked,
    expiring: ticketEvents.tokenExpiring,
  },
];

/** Tells people by mail what happened to credentials and endpoints, whichever service owns them. */
export const consumeNotices = (deps: Pick<Deps, 'data' | 'secrets'>, bus: Bus): readonly Consumer[] => [
  ...sources.map(({ durable, noun, leaked, expiring }) =>
    startConsumer<'identity'>(deps.data, {
      bus,
      durable,
      on: [
        onEvent(leaked, ({ trx, emit, data }) => sendLeakNotices({ trx, emit }, deps, noun, data)),
        onEvent(expiring, ({ trx, emit, data }) => sendExpiryNotices({ trx, emit }, deps, noun, data)),
      ],
    }),
  ),
  startConsumer<'identity'>(deps.data, {
    bus,
    durable: 'identity-notices-of-webhooks',
    on: [
      onEvent(webhookEvents.endpointDisabled, ({ trx, emit, data }) =>
        sendDisabledNotices({ trx, emit }, deps, data),
      ),
    ],
  }),
];
