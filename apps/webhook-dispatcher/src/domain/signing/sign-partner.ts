import { createHmac } from 'node:crypto';
import { webhookSecretBytes } from '@switchboard/contracts';
import { hmacSignature, signedContent, timestampOf, USER_AGENT } from './standard-content.ts';

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
  const timestamp = timestampOf(request.attemptedAt);
  return {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'x-partner-signature': createHmac('sha256', secret).update(body).digest('hex'),
    'x-webhook-attempt': String(request.attemptNumber),
    'x-webhook-id': messageId,
    'webhook-id': messageId,
    'webhook-timestamp': timestamp,
    'webhook-signature': hmacSignature(webhookSecretBytes(secret), signedContent(messageId, timestamp, body)),
    traceparent: request.traceparent,
  };
};
