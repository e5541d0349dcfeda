import { AppError } from '@switchboard/contracts';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { readStoredBytes } from './feed-repository.ts';

type Limits = Pick<Deps, 'config'>;

export const noRoom = ({ config }: Limits): AppError =>
  new AppError('TOO_MANY', {
    message: `The tickets and files of a token take at most ${config.tickets.storedBytesPerTokenMax} bytes: there is no room for more`,
  });

/** Before more is stored; whoever stores at the same time is found out when the change is recorded. Throws TOO_MANY. */
export const requireBytes = async (
  limits: Limits,
  executor: Executor,
  tokenId: string,
  more: number,
): Promise<void> => {
  const bytes = (await readStoredBytes(executor, tokenId)) + more;
  if (bytes > limits.config.tickets.storedBytesPerTokenMax) throw noRoom(limits);
};
