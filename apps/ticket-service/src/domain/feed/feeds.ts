import type { Bus } from '@switchboard/bus';

/** Who waits for changes of a token, in this process, and how everybody is told that there are some. */
export interface Feeds {
  /** Says that feeds have more: to whoever waits here, and on every other replica. */
  wake(tokenIds: Iterable<string>): void;
}

const SUBJECT = 'rt.ticket_changes';

export const createFeeds = (bus: Pick<Bus, 'publishNow' | 'listen'>): Feeds => ({
  wake(tokenIds) {
    for (const id of tokenIds) bus.publishNow(`${SUBJECT}.${id}`, '');
  },
});
