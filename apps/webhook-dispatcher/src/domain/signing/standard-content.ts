import { createHmac } from 'node:crypto';

export const USER_AGENT = 'Switchboard-Webhooks/1';

/** What Standard Webhooks signs ("Signature scheme"): id, time and the exact bytes, divided by dots. */
export const signedContent = (messageId: string, timestamp: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${messageId}.${timestamp}.`), body]);

/** `webhook-timestamp`: seconds since 1970. */
export const timestampOf = (at: Date): string => Math.floor(at.getTime() / 1000).toString();

/** `v1,` and the HMAC-SHA256 of the content in base64. */
export const hmacSignature = (secretBytes: Buffer, content: Buffer): string =>
  `v1,${createHmac('sha256', secretBytes).update(content).digest('base64')}`;
