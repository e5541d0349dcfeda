import type { FeedAnswer } from '@switchboard/contracts';
import type { Executor } from '../deliveries/executor.ts';
import { listFeed } from './feed-repository.ts';

/** Of the bodies of a page: a hundred of 1 MB each would be more than a receiver, or we, want at a time. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** A page of what an endpoint was sent, or will be: in the order of `webhook-sequence`, whatever became of each. */
export const readFeed = async (
  executor: Executor,
  endpointId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<FeedAnswer> => {
  const { rows, lastSequence } = await listFeed(executor, endpointId, {
    after,
    limit,
    bytesMax: PAGE_BYTES_MAX,
  });
  const page = rows.slice(0, limit).filter(({ fits }) => fits);
  return {
    messages: page.map(({ fits: _, created_at, ...message }) => ({
      ...message,
      created_at: created_at.toISOString(),
    })),
    next_after: page.at(-1)?.sequence ?? after,
    has_more: rows.length > page.length,
    last_sequence: lastSequence,
  };
};
