import type { DataContext } from '@switchboard/db';
import { type SecretBox, startRepeatedTasks } from '@switchboard/service-kit';
import { resealSecrets } from './reseal-secrets.ts';
import { removeDeletedEndpoints, removeEndedSecrets, setAsideDeliveries } from './tidy-endpoints.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * What is done for endpoints beside sending. Gives the function that ends it.
 *
 * @param attemptDays how long deliveries are kept, and so the endpoints that they were sent to
 */
export const startEndpointTasks = (
  { db, clock, log }: DataContext<'webhooks'>,
  { box, attemptDays }: { readonly box: SecretBox; readonly attemptDays: number },
): (() => Promise<void>) =>
  startRepeatedTasks(log, [
    {
      name: 'deliveries of disabled and deleted endpoints set aside',
      everyMs: MINUTE_MS,
      run: (signal) => setAsideDeliveries({ db, clock }, signal),
    },
    {
      name: 'secrets encrypted with the current key',
      everyMs: HOUR_MS,
      run: async (signal) => ({ ...(await resealSecrets({ db, box, log }, signal)) }),
    },
    {
      name: 'secrets and endpoints that ended long ago removed',
      everyMs: 24 * HOUR_MS,
      run: async () => {
        const now = clock.now();
        return {
          secrets: await removeEndedSecrets(db, now),
          endpoints: await removeDeletedEndpoints(db, { now, days: attemptDays }),
        };
      },
    },
  ]);
