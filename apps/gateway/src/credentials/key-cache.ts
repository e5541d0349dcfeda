import type { Clock } from '@switchboard/contracts';
import { LRUCache } from 'lru-cache';

/**
 * What is known of something presented: a pair, a token. `about` is what the verdict rests on, the credential's own id
 * first, then whatever else may change under it (a user, a session); of a refused one that nobody knows it is empty.
 */
export type Verdict<Good> =
  | {
      readonly ok: true;
      readonly good: Good;
      readonly about: readonly string[];
      readonly validUntilMs: number;
    }
  | { readonly ok: false; readonly reason: string; readonly about: readonly string[] };

interface Entry<Good> {
  readonly verdict: Verdict<Good>;
  freshUntilMs: number;
  readonly usableUntilMs: number;
}

export interface KeyCacheOptions {
  readonly clock: Clock;
  readonly cacheSeconds: number;
  /** How long past `cacheSeconds` a good pair is taken while nobody can be asked. */
  readonly staleSeconds: number;
}

/** Unknown pairs are remembered only so long that a client in a loop does not become a loop of questions. */
const REFUSED_SECONDS = 2;
/** While nobody can be asked, it is tried again this often. */
const FALLBACK_SECONDS = 1;
const ENTRIES_MAX = 20_000;

/** Under which refused entries are found: what was refused may be good after any change. */
const REFUSED = '';

/**
 * Remembers verdicts on pairs and tokens. One question per each is under way at a time; a good verdict lasts
 * `cacheSeconds` and never past its own end; whatever changes about a key, user or session empties its entries at once.
 */
export const createKeyCache = <Good>(options: KeyCacheOptions) => {
  const { clock, cacheSeconds, staleSeconds } = options;
  // Which entries rest on what. Sign-outs come by the dozen a second: looking through all 20,000 entries takes 2 ms each.
  const idsAbout = new Map<string, Set<string>>();
  const aboutsOf = ({ verdict }: Entry<Good>): readonly string[] =>
    verdict.ok ? verdict.about : [REFUSED, ...verdict.about];
  const entries = new LRUCache<string, Entry<Good>>({
    max: ENTRIES_MAX,
    dispose: (entry, id) => {
      for (const about of aboutsOf(entry)) {
        const ids = idsAbout.get(about);
        ids?.delete(id);
        if (ids?.size === 0) idsAbout.delete(about);
      }
    },
  });
  const underWay = new Map<string, Promise<Verdict<Good>>>();
  let changes = 0;

  const nowMs = () => clock.now().getTime();

  const remember = (id: string, verdict: Verdict<Good>): void => {
    const now = nowMs();
    const endMs = verdict.ok ? verdict.validUntilMs : Number.POSITIVE_INFINITY;
    const freshSeconds = verdict.ok ? cacheSeconds : Math.min(REFUSED_SECONDS, cacheSeconds);
    const entry = {
      verdict,
      freshUntilMs: Math.min(now + freshSeconds * 1000, endMs),
      usableUntilMs: verdict.ok ? Math.min(now + (freshSeconds + staleSeconds) * 1000, endMs) : 0,
    };
    entries.set(id, entry);
    for (const about of aboutsOf(entry)) {
      const ids = idsAbout.get(about);
      if (ids) ids.add(id);
      else idsAbout.set(about, new Set([id]));
    }
  };

  const askOnce = (id: string, ask: () => Promise<Verdict<Good>>): Promise<Verdict<Good>> => {
    const known = underWay.get(id);
    if (known) return known;
    const changesBefore = changes;
    const question = ask()
      .then((verdict) => {
        // A key that changed while we asked may have changed after the owner looked: the answer serves who waits, and
        // the next request asks again.
        if (changes === changesBefore) remember(id, verdict);
        return verdict;
      })
      .finally(() => underWay.delete(id));
    underWay.set(id, question);
    return question;
  };

  return {
    /** The verdict if it is fresh; null when the owner must be asked. */
    peek(id: string): Verdict<Good> | null {
      const entry = entries.get(id);
      return entry && nowMs() < entry.freshUntilMs ? entry.verdict : null;
    },
    /**
     * Asks the owner. When that fails, what was good a short while ago still is.
     *
     * @param ask throws when the owner cannot be asked
     */
    async verify(id: string, ask: () => Promise<Verdict<Good>>): Promise<Verdict<Good>> {
      try {
        return await askOnce(id, ask);
      } catch (error) {
        const entry = entries.get(id);
        const now = nowMs();
        if (!entry || now >= entry.usableUntilMs) throw error;
        // Not every request shall wait for a question that fails.
        entry.freshUntilMs = Math.min(now + FALLBACK_SECONDS * 1000, entry.usableUntilMs);
        return entry.verdict;
      }
    },
    /** True when there is a verdict to fall back on. */
    hasFallback(id: string): boolean {
      const entry = entries.get(id);
      return entry !== undefined && nowMs() < entry.usableUntilMs;
    },
    /** True of what was good when it was last asked about, however long ago that is, and has not changed or ended since. */
    wasGood(id: string): boolean {
      const verdict = entries.get(id)?.verdict;
      return verdict?.ok === true && nowMs() < verdict.validUntilMs;
    },
    /** Something changed: what rests on it is unknown again, and so is whatever was refused, for it may be new. */
    forget(about: string): void {
      changes += 1;
      for (const key of [about, REFUSED]) {
        for (const id of [...(idsAbout.get(key) ?? [])]) entries.delete(id);
      }
    },
    /** Changes may have been missed: everything is asked about again, and taken meanwhile only if nobody answers. */
    doubtAll(): void {
      changes += 1;
      for (const entry of entries.values()) entry.freshUntilMs = 0;
    },
    get size() {
      return entries.size;
    },
  };
};
