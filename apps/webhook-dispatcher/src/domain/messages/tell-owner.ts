import { type Environment, OPERATIONAL_PREFIX, webhookBody, webhookEvents } from '@switchboard/contracts';
import type { DataContext, Emit } from '@switchboard/db';

/**
 * What an owner is told about its webhooks, to endpoints that asked for it by name (`webhooks.*`). Nothing in it is secret:
 * never an address, whose receiver may have put a token into it.
 */
export type OperationalMessage = {
  readonly owner: string;
  readonly environment: Environment;
  /** The endpoint it is about, which does not get it; null: it is about a callback. */
  readonly exceptEndpointId: string | null;
  /** The trace that led to it. */
  readonly traceparent?: string | null;
} & (
  | {
      readonly eventType: 'webhooks.endpoint.disabled';
      readonly data: {
        readonly endpoint_id: string;
        readonly reason: 'manual' | 'gone' | 'failing';
        readonly last_error: string | null;
        readonly disabled_at: string;
      };
    }
  | {
      readonly eventType: 'webhooks.delivery.exhausted';
      readonly data: {
        readonly delivery_id: string;
        readonly endpoint_id: string | null;
        readonly message_id: string;
        readonly event_type: string;
        readonly sequence: number | null;
        readonly attempt_count: number;
        readonly last_error: string | null;
        readonly exhausted_at: string;
      };
    }
);

/**
 * Publishes an operational message with the transaction of `emit`. One about an operational message that did not arrive is
 * not published: endpoints that all fail would tell each other so without end.
 */
export const tellOwner = (
  emit: Emit,
  { clock, ids }: Pick<DataContext<'webhooks'>, 'clock' | 'ids'>,
  { owner, environment, exceptEndpointId, traceparent, ...message }: OperationalMessage,
): void => {
  const { eventType, data } = message;
  if (
    message.eventType === 'webhooks.delivery.exhausted' &&
    message.data.event_type.startsWith(OPERATIONAL_PREFIX)
  )
    return;
  emit(
    webhookEvents.messagePublished,
    {
      message_id: ids.next(),
      owner,
      event_type: eventType,
      environment,
      body: webhookBody(eventType, clock.now(), data),
      ...(exceptEndpointId === null ? {} : { except_endpoint_id: exceptEndpointId }),
    },
    traceparent ? { traceparent } : {},
  );
};
