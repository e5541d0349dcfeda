/** What Standard Webhooks signs ("Signature scheme"): id, time and the exact bytes, divided by dots. */
export const signedContent = (messageId: string, timestamp: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${messageId}.${timestamp}.`), body]);

/** `webhook-timestamp`: seconds since 1970. */
export const timestampOf = (at: Date): string => Math.floor(at.getTime() / 1000).toString();
