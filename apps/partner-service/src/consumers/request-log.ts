import type { Bus, Consumer } from '@switchboard/bus';
import { gatewayEvents, surfaceOf, surfaces } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Data } from '../domain/database.ts';
import { insertRequests, touchKeys } from '../domain/logs/request-log-repository.ts';

/** Keeps `partner_api_requests`: every call of the partner surface, as the gateway answered it. */
export const consumeRequestLog = (data: Data, bus: Bus): Consumer =>
  startConsumer<'partner'>(data, {
    bus,
    durable: 'partner-request-log',
    on: [
      onEvent(gatewayEvents.requestCompleted, async ({ trx, data: batch }) => {
        // The service answers administrators too; their acts are in the audit log.
        const requests = batch.requests.filter(({ endpoint }) => surfaceOf(endpoint) === surfaces.partner);
        if (requests.length === 0) return;
        await insertRequests(trx, requests);
        await touchKeys(trx, requests);
      }),
    ],
  });
