import { type Envelope, type EventContract, eventSubject } from '@switchboard/contracts';
import type { Subscription } from 'nats';
import type { z } from 'zod';
import type { Connection } from './connection.ts';
import { parseEnvelope, parseEventData } from './envelope.ts';
import type { Log, TraceHooks } from './log.ts';

export interface Listening {
  stop(): void;
}

export type EventListener<Data extends z.ZodType> = (
  data: z.output<Data>,
  envelope: Envelope,
) => Promise<void> | void;

/**
 * A core subscription: every replica hears every event, from now on and only while it is connected. For what a
 * process keeps in memory (caches); whatever must not be missed needs a durable consumer.
 */
export const createSubscriber =
  (connection: Connection, log: Log, trace: TraceHooks) =>
  <Data extends z.ZodType>(
    event: EventContract<Data>,
    listener: EventListener<Data>,
    options: { readonly partition?: string } = {},
  ): Listening => {
    const subject = eventSubject(event, options.partition ?? (event.partitioned ? '*' : undefined));
    let subscription: Subscription | null = null;

    const hear = async (payload: Uint8Array) => {
      try {
        const envelope = parseEnvelope(payload);
        const data = parseEventData(event, envelope);
        await trace.run(envelope.traceparent, subject, async () => listener(data, envelope));
      } catch (error) {
        log.error({ err: error, subject }, 'An event could not be taken in');
      }
    };
    const forget = connection.onOpen((nc) => {
      subscription = nc.subscribe(subject, {
        callback: (error, msg) => {
          if (error) return log.error({ err: error, subject }, 'A subscription failed');
          void hear(msg.data);
        },
      });
    });
    return {
      stop() {
        forget();
        subscription?.unsubscribe();
      },
    };
  };
