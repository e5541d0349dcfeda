import { createHmac } from 'node:crypto';

/** How secrets of Standard Webhooks are written: this prefix, then the key's bytes in base64. */
export const WEBHOOK_SECRET_PREFIX = 'whsec_';

/**
 * The secret a partner verifies callbacks with. Derived, so nothing secret is stored, no partner can forge another's
 * callback, and rotation is a version. The SQL function `partner.derive_webhook_secret` does the same.
 *
 * `X-Partner-Signature` is keyed with this text as it stands (UTF-8); `webhook-signature` (Standard Webhooks) with
 * the bytes behind its prefix, see `webhookSecretBytes`.
 *
 * @param webhookSecret the setting WEBHOOK_SECRET
 * @param key the partner key's id (lower-case UUID) and its `webhook_secret_version`, from 1
 * @returns `whsec_` and 32 bytes in base64
 */
export const deriveWebhookSecret = (
  webhookSecret: string,
  key: { readonly keyId: string; readonly version: number },
): string =>
  WEBHOOK_SECRET_PREFIX +
  createHmac('sha256', webhookSecret).update(`${key.keyId}.${key.version}`).digest('base64');

/** The bytes of a `whsec_…` secret: the signing key of Standard Webhooks. */
export const webhookSecretBytes = (secret: string): Buffer =>
  Buffer.from(secret.slice(WEBHOOK_SECRET_PREFIX.length), 'base64');
