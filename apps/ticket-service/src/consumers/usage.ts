import type { Bus, Consumer } from '@switchboard/bus';
import { gatewayEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Data } from '../domain/database.ts';
import { recordUsage } from '../domain/usage/record-usage.ts';

/** Keeps `integration_token_usage` and the figures made of it: every call of a token, as the gateway answered it. */
export const consumeUsage = (data: Data, bus: Bus): Consumer =>
  startConsumer<'tickets'>(data, {
    bus,
    durable: 'tickets-usage',
    on: [
      onEvent(gatewayEvents.requestCompleted, ({ trx, data: batch }) =>
        recordUsage(data, trx, batch.requests),
      ),
    ],
  });
