import type { SecretBox } from '@switchboard/service-kit';

/** Something encrypted cannot be read any more; the message is for operators, and names nothing secret. */
export class UnreadableError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'UnreadableError';
  }
}

const KEY_CHANGED = 'cannot be decrypted: WEBHOOK_ENCRYPTION_KEY has changed';

export const unreadable = (what: string, cure: string, cause: unknown): UnreadableError =>
  new UnreadableError(`${what} ${KEY_CHANGED}; ${cure}`, { cause });

/** Opened texts that are kept: some hundred bytes each. */
const KEPT_MAX = 10_000;

/**
 * Opens sealed texts, each once: decrypting one costs as much as signing with it, and an endpoint may have six secrets. The
 * cache is bounded; what was asked for the longest ago goes first.
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
