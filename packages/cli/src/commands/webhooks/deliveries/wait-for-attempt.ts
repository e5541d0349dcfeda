import { webhookAdminRoutes } from '@switchboard/contracts';
import type { CallAnswer, Client } from '../../../api/client.ts';
import type { Io, Options } from '../../../command.ts';
import { waitForOutcome } from '../wait.ts';

type Attempt = CallAnswer<typeof webhookAdminRoutes.listAttempts>['attempts'][number];

/** This attempt of a delivery, or the one that came after it; null: it is not over yet. */
export const waitForAttempt = async (
  deliveryId: string,
  attemptNumber: number,
  { client, io, options }: { readonly client: Client; readonly io: Io; readonly options: Options },
): Promise<Attempt | null> => {
  const read = async () => {
    const delivery = await client.call(webhookAdminRoutes.getDelivery, {
      params: { delivery_id: deliveryId },
    });
    const attempt = delivery.last_attempt;
    return attempt !== null && attempt.attempt_number >= attemptNumber ? attempt : undefined;
  };
  return (await waitForOutcome(read, { io, options })) ?? null;
};

export const renderAnswer = (attempt: Pick<Attempt, 'http_status' | 'error'>): string =>
  attempt.error ?? `HTTP ${attempt.http_status}`;

export const renderAttempt = (attempt: Attempt | null, deliveryId: string): string =>
  attempt === null
    ? `Its outcome is not known yet; see: switchboard webhooks deliveries show ${deliveryId}`
    : `Attempt ${attempt.attempt_number} ${attempt.outcome === 'lost' ? 'was lost' : attempt.outcome}: ${renderAnswer(attempt)}${
        attempt.duration_ms === null ? '' : ` in ${attempt.duration_ms} ms`
      }.`;
