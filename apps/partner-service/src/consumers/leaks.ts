import type { Bus, Consumer } from '@switchboard/bus';
import { identityEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Data } from '../domain/database.ts';
import { endLeakedKey } from '../domain/keys/end-leaked-key.ts';

/** Ends partner keys that somebody found in public. */
export const consumeLeaks = (data: Data, bus: Bus): Consumer =>
  startConsumer<'partner'>(data, {
    bus,
    durable: 'partner-leaks',
    on: [
      onEvent(identityEvents.leakReported, async ({ trx, emit, data: report, log }) => {
        const ended = await endLeakedKey(data, { trx, emit }, report);
        if (ended > 0) log.warn({ reportId: report.report_id, ended }, 'a leaked partner key was revoked');
      }),
    ],
  });
