import { setTimeout as pause } from 'node:timers/promises';
import { AppError, type Clock } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';

/** A set of keys as it was read. */
interface KeySet {
  has(id: string): boolean;
  readonly size: number;
}

interface RemoteKeysOptions<Keys extends KeySet> {
  /** Whose keys they are: for logs. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Known keys are read again after this time, while the old ones go on working. */
  readonly freshSeconds: number;
  /** After a failure they are left alone for `first` seconds, then for twice as long each time, up to `max`. */
  readonly backoffSeconds: { readonly first: number; readonly max: number };
  /**
   * @param known what was read before
   * @throws when they cannot be had, or are none
   */
  readonly load: (known: Keys | null) => Promise<Keys>;
}

/**
 * A key that nobody knows asks for the set again, but not sooner after the last reading than this, whoever makes up how many.
 * Whoever brings one waits that long: it may be the key of a moment ago, and its bearer must not be told to sign in again.
 */
const UNKNOWN_PAUSE_MS = 1_000;

/**
 * Somebody else's set of keys, by id. One question at a time; what was known stays good while they cannot be asked,
 * and a set that cannot be had is asked for less and less often.
 */
export const createRemoteKeys = <Keys extends KeySet>(options: RemoteKeysOptions<Keys>) => {
  const { owner, clock, log, freshSeconds, backoffSeconds, load } = options;
  let keys: Keys | null = null;
  let loadedMs = Number.NEGATIVE_INFINITY;
  let failedMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let lastError: unknown;
  let loading: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  const nowMs = () => clock.now().getTime();
  const backoffMs = () => Math.min(backoffSeconds.first * 2 ** (failures - 1), backoffSeconds.max) * 1000;
  const isBackingOff = () => failures > 0 && nowMs() - failedMs < backoffMs();

  /** Never throws: what failed is in `failures`. */
  const reload = (): Promise<void> => {
    loading ??= load(keys)
      .then((loaded) => {
        keys = loaded;
        loadedMs = nowMs();
        failures = 0;
      })
      .catch((error) => {
        failures += 1;
        failedMs = nowMs();
        lastError = error;
        log.warn({ err: error, owner, failures, known: keys?.size ?? 0 }, 'public keys cannot be read');
      })
      .finally(() => {
        loading = null;
      });
    return loading;
  };

  /** A reading that begins after the question for it, and after the pause. All who ask until it begins share it. */
  const readAgain = (): Promise<void> => {
    next ??= (async () => {
      const restMs = loadedMs + UNKNOWN_PAUSE_MS - nowMs();
      if (restMs > 0) await pause(Math.min(restMs, UNKNOWN_PAUSE_MS));
      while (loading) await loading;
      next = null;
      await reload();
    })();
    return next;
  };

  /** The set as it is known; null before it was ever read. An old one is read anew meanwhile. */
  const peek = (): Keys | null => {
    if (keys && nowMs() - loadedMs >= freshSeconds * 1000 && !loading && !isBackingOff()) void reload();
    return keys;
  };

  return {
    peek,
    /**
     * A set that has the key if there is one: when it is not known, as it is read after the question.
     *
     * @throws SERVICE_UNAVAILABLE when the key may be good but the set cannot be had
     */
    async withKey(id: string): Promise<Keys> {
      if (peek()?.has(id) && keys) return keys;
      if (!keys && (loading || !isBackingOff())) await reload();
      if (keys?.has(id)) return keys;
      if (!isBackingOff()) await readAgain();
      if (keys && (failures === 0 || keys.has(id))) return keys;
      throw new AppError('SERVICE_UNAVAILABLE', { cause: lastError });
    },
    /** Something changed there: it is read again at once. What is known works on until then. */
    async doubt(): Promise<void> {
      // A question that is under way may have been answered before the change.
      await loading;
      // If it cannot be read now, whoever needs a key tries again.
      loadedMs = Number.NEGATIVE_INFINITY;
      await reload();
    },
  };
};
