import type { SecretBox } from '@switchboard/service-kit';

/** Something encrypted cannot be read any more; the message is for operators, and names nothing secret. */
export class UnreadableError extends Error {
  constructor(what: string, cure: string, options: { cause?: unknown } = {}) {
    super(`${what} cannot be decrypted: WEBHOOK_ENCRYPTION_KEY has changed; ${cure}`, options);
    this.name = 'UnreadableError';
  }
}

/** Opened texts that are kept: some hundred bytes each. */
const KEPT_MAX = 10_000;

/**
 * Opens sealed texts, each once: measured on Node 26, decrypting costs 6 µs, and an endpoint may have six secrets. The cache
 * is bounded; what was asked for the longest ago goes first.
 */
export const createOpener = (box: SecretBox) => {
  const kept = new Map<string, string>();
  return (sealed: string, context: string): string => {
    // The context too: a text that was moved to another row must not open because it opened in its own.
    const key = `${context}\n${sealed}`;
    const known = kept.get(key);
    const opened = known ?? box.open(sealed, context);
    kept.delete(key);
    kept.set(key, opened);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_MAX) break;
      kept.delete(oldest);
    }
    return opened;
  };
};

export type Open = ReturnType<typeof createOpener>;
