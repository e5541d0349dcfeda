import type { Bus, Consumer } from '@switchboard/bus';
import { ticketEvents } from '@switchboard/contracts';
import { type DataContext, onEvent, startConsumer } from '@switchboard/db';
import { disableWebhooksOfToken } from '../domain/endpoints/token-webhooks.ts';

/** Sends nothing to whoever registered an address with a token that was ended since. */
export const startTokenChanged = (ctx: DataContext<'webhooks'>, bus: Bus): Consumer =>
  startConsumer<'webhooks'>(ctx, {
    bus,
    durable: 'webhook-tokens',
    on: [
      onEvent(ticketEvents.tokenChanged, async ({ trx, emit, data, log }) => {
        if (data.change !== 'revoked') return;
        const disabled = await disableWebhooksOfToken(ctx, { trx, emit }, data.token_id);
        if (disabled > 0)
          log.info({ tokenId: data.token_id, disabled }, 'endpoints of an ended token disabled');
      }),
    ],
  });
