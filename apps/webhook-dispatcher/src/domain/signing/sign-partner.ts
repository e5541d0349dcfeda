import { createHmac } from 'node:crypto';
import { webhookSecretBytes } from '@switchboard/contracts';

export const USER_AGENT = 'Switchboard-Webhooks/1';

export interface PartnerRequest {
  readonly messageId: string;
  /** The exact bytes that are sent. */
  readonly body: Buffer;
  /** `whsec_…`, as the partner was shown it. */
  readonly secret: string;
  readonly attemptNumber: number;
  readonly attemptedAt: Date;
  readonly traceparent: string;
}

/**
 * The headers of one attempt of profile `partner`: what the partner guide promises (hex HMAC-SHA256 keyed with the
 * secret's text), and beside it Standard Webhooks 1.0 (https://github.com/standard-webhooks/standard-webhooks,
 * "Signature scheme"; keyed with the secret's bytes). Ids are the same over retries, the timestamp is the attempt's.
 */
export const signPartner = (request: PartnerRequest): Record<string, string> => {
  const { messageId, body, secret } = request;
  const timestamp = Math.floor(request.attemptedAt.getTime() / 1000).toString();
  const standard = createHmac('sha256', webhookSecretBytes(secret))
    .update(`${messageId}.${timestamp}.`)
    .update(body)
    .digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'x-partner-signature': createHmac('sha256', secret).update(body).digest('hex'),
    'x-webhook-attempt': String(request.attemptNumber),
    'x-webhook-id': messageId,
    'webhook-id': messageId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${standard}`,
    traceparent: request.traceparent,
  };
};
