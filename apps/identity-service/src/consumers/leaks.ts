import type { Bus, Consumer } from '@switchboard/bus';
import { identityEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Deps } from '../deps.ts';
import { endLeakedKey } from '../domain/api-keys/end-leaked-key.ts';

/** Ends API keys that were found in public. */
export const consumeLeaks = ({ data }: Pick<Deps, 'data'>, bus: Bus): Consumer =>
  startConsumer<'identity'>(data, {
    bus,
    durable: 'identity-leaked-keys',
    on: [
      onEvent(identityEvents.leakReported, ({ trx, emit, data: report }) =>
        endLeakedKey(data, { trx, emit }, report),
      ),
    ],
  });
