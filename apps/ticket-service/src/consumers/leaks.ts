import type { Bus, Consumer } from '@switchboard/bus';
import { identityEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Data } from '../domain/database.ts';
import { revokeLeakedToken } from '../domain/tokens/revoke-leaked-token.ts';

/** Ends tokens that somebody found in public. */
export const consumeLeaks = (data: Data, bus: Bus): Consumer =>
  startConsumer<'tickets'>(data, {
    bus,
    durable: 'tickets-leaks',
    on: [
      onEvent(identityEvents.leakReported, async ({ trx, emit, data: report, log }) => {
        const isRevoked = await revokeLeakedToken(data, { trx, emit }, report);
        if (isRevoked) log.warn({ reportId: report.report_id }, 'A leaked integration token was revoked');
      }),
    ],
  });
