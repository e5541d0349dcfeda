import { Pool } from 'undici';
import { percentile } from '../support/figures.ts';
import { bearer, type Rig, SURFACE } from './rig.ts';

export const FOLLOWERS = [1, 100] as const;
const CHANGES = 100;

export interface FeedFigures {
  readonly followers: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** From the answer to whoever opened a ticket to the change at whoever waits for it, each follower a token of its own. */
const measureOne = async (rig: Rig, followers: number): Promise<FeedFigures> => {
  const tokens = await Promise.all(
    Array.from({ length: followers }, (_, index) => rig.createToken(`feed-${index}`)),
  );
  const pool = new Pool(rig.gatewayUrl, { connections: followers + 4, pipelining: 1 });
  const stop = new AbortController();
  const openedMs = new Map<string, number>();
  const heardMs = new Map<string, number>();
  const follow = async (headers: Record<string, string>): Promise<void> => {
    let cursor = '0';
    while (!stop.signal.aborted) {
      const path = `${SURFACE}/tickets/changes?wait=5&cursor=${cursor}`;
      const answer = await pool.request({ method: 'GET', path, headers });
      const page = (await answer.body.json()) as {
        changes: { ticket_id: string }[];
        next_cursor: string;
      };
      const nowMs = performance.now();
      for (const { ticket_id } of page.changes) heardMs.set(ticket_id, nowMs);
      cursor = page.next_cursor;
    }
  };
  const following = tokens.map((token) => follow(bearer(token)));
  try {
    for (let change = 0; change < CHANGES; change += 1) {
      const token = tokens[change % tokens.length] ?? tokens[0];
      if (!token) throw new TypeError('there are no followers');
      const answer = await pool.request({
        method: 'POST',
        path: `${SURFACE}/tickets`,
        headers: { ...bearer(token), 'content-type': 'application/json' },
        body: JSON.stringify({ title: `Change ${change}` }),
      });
      const { ticket } = (await answer.body.json()) as { ticket: { id: string } };
      openedMs.set(ticket.id, performance.now());
      for (let look = 0; look < 500 && !heardMs.has(ticket.id); look += 1) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  } finally {
    stop.abort();
    await Promise.all(following);
    await pool.close();
  }
  const delays = [...openedMs].map(([id, ms]) => Math.max(0, (heardMs.get(id) ?? Number.NaN) - ms));
  if (delays.some(Number.isNaN)) throw new Error('a change was not heard of');
  return { followers, p50Ms: percentile(delays, 0.5), p99Ms: percentile(delays, 0.99) };
};

export const measureFeed = async (rig: Rig): Promise<readonly FeedFigures[]> => {
  const figures: FeedFigures[] = [];
  for (const followers of FOLLOWERS) figures.push(await measureOne(rig, followers));
  return figures;
};
