import { headers as createHeaders, type Subscription } from 'nats';
import type { Connection } from './connection.ts';
import type { Log } from './log.ts';
import type { Listening } from './subscribe.ts';

/** A message as it came: its bytes are not looked at. */
export interface DirectMessage {
  readonly payload: Uint8Array;
  header(name: string): string | undefined;
}

export type DirectListener = (message: DirectMessage) => void;

/**
 * Messages of core NATS, `rt.<kind>.<id>`: to everybody who listens now, kept nowhere. Whoever needs all of them notices
 * a gap by what they say and asks for it.
 */
export const createDirect = (connection: Connection, log: Log) => {
  let client: { publish: (subject: string, payload: string, options?: object) => void } | null = null;
  connection.onOpen((nc) => {
    client = nc;
  });

  const publishNow = (
    subject: string,
    payload: string,
    headers: Readonly<Record<string, string>> = {},
  ): boolean => {
    if (!client || !connection.isConnected()) return false;
    const own = createHeaders();
    for (const [name, value] of Object.entries(headers)) own.set(name, value);
    try {
      client.publish(subject, payload, { headers: own });
      return true;
    } catch (error) {
      log.debug({ err: error, subject }, 'A message to whoever listens could not be sent');
      return false;
    }
  };

  const listen = (subject: string, listener: DirectListener): Listening => {
    let subscription: Subscription | null = null;
    const forget = connection.onOpen((nc) => {
      subscription = nc.subscribe(subject, {
        callback: (error, msg) => {
          if (error) return log.error({ err: error, subject }, 'A subscription failed');
          try {
            listener({ payload: msg.data, header: (name) => msg.headers?.get(name) || undefined });
          } catch (thrown) {
            log.error({ err: thrown, subject }, 'A message could not be taken in');
          }
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

  return { publishNow, listen };
};
