import { type KeyObject, sign } from 'node:crypto';
import { webhookSecretBytes } from '@switchboard/contracts';
import { hmacSignature, signedContent, timestampOf, USER_AGENT } from './standard-content.ts';

export interface StandardRequest {
  readonly messageId: string;
  /** `webhook-sequence` */
  readonly sequence: number;
  /** The exact bytes that are sent. */
  readonly body: Buffer;
  /** `whsec_…`: every live secret of the endpoint, the current one first. */
  readonly secrets: readonly string[];
  /** Every live ed25519 key of the platform, the current one first. */
  readonly privateKeys: readonly KeyObject[];
  readonly attemptedAt: Date;
  readonly traceparent: string;
  /** The endpoint's own. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The headers of one attempt of profile `standard`: Standard Webhooks 1.0
 * (https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"). `v1` proves that the message is meant for
 * whoever has the secret, `v1a` that it comes from this Switchboard. During a rotation old and new sign side by side.
 *
 * Id, sequence and body are the same over retries; time and signatures are the attempt's.
 */
export const signStandard = (request: StandardRequest): Record<string, string> => {
  const { messageId, body } = request;
  const timestamp = timestampOf(request.attemptedAt);
  const content = signedContent(messageId, timestamp, body);
  const signatures = [
    ...request.secrets.map((secret) => hmacSignature(webhookSecretBytes(secret), content)),
    ...request.privateKeys.map((key) => `v1a,${sign(null, content, key).toString('base64')}`),
  ];
  return {
    // First, so that none of them could ever stand in the place of one of ours.
    ...request.headers,
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'webhook-id': messageId,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
    'webhook-sequence': String(request.sequence),
    traceparent: request.traceparent,
  };
};
