import type { Log } from '@switchboard/bus';
import { AppError } from '@switchboard/contracts';
import type { Reader } from './reader.ts';

/** Files that are being read at a time, in this process. */
export interface Downloads {
  /**
   * Counts one until whoever reads it has it all, or is gone, and cuts it off when that takes too long.
   *
   * @param owner the token whose ticket it is of; null: a ticket that no token opened
   * @throws SERVICE_UNAVAILABLE when as many are read as may be, of this owner or of all
   */
  begin(owner: string | null, reader: Reader): void;
  readonly underWay: number;
}

export interface DownloadsOptions {
  readonly log: Log;
  readonly atOnceMax?: number;
  readonly perOwnerMax?: number;
  readonly secondsMax?: number;
}

/** The addresses take no credential, and whoever does not read holds a connection of the gateway's, of which all share 1024. */
const AT_ONCE_MAX = 128;
const PER_OWNER_MAX = 16;
/** 20 MB in that time are 1.4 Mbit/s. */
const SECONDS_MAX = 120;
const RETRY_AFTER_SECONDS = 5;

const refusal = (message: string) =>
  new AppError('SERVICE_UNAVAILABLE', { message, headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });

export const createDownloads = (options: DownloadsOptions): Downloads => {
  const { log, atOnceMax = AT_ONCE_MAX, perOwnerMax = PER_OWNER_MAX, secondsMax = SECONDS_MAX } = options;
  const byOwner = new Map<string | null, number>();
  let underWay = 0;
  /** Said once, until there is room again. */
  let isFull = false;

  const count = (owner: string | null, one: 1 | -1): void => {
    underWay += one;
    const own = (byOwner.get(owner) ?? 0) + one;
    if (own > 0) byOwner.set(owner, own);
    else byOwner.delete(owner);
  };
  const requireRoom = (owner: string | null): void => {
    if ((byOwner.get(owner) ?? 0) >= perOwnerMax) {
      const whose = owner === null ? 'of tickets without a token' : 'of the tickets of this token';
      throw refusal(
        `${perOwnerMax} files ${whose} are being read already: read them first, or ask again soon`,
      );
    }
    if (underWay < atOnceMax) return;
    if (!isFull) log.warn({ atOnceMax }, 'too many read attachments');
    isFull = true;
    throw refusal('Too many files are being read right now: try again in a moment');
  };

  return {
    get underWay() {
      return underWay;
    },
    begin(owner, reader) {
      if (reader.isGone) return;
      requireRoom(owner);
      count(owner, 1);
      const timer = setTimeout(() => reader.cut(), secondsMax * 1000);
      reader.onGone(() => {
        clearTimeout(timer);
        count(owner, -1);
        isFull = false;
      });
    },
  };
};
