import { patternsFor } from '@switchboard/contracts';
import type { Executor } from '../deliveries/executor.ts';
import type { StoredDeliveries } from '../deliveries/types.ts';
import { type Addressee, lockSequences, readTakers, type Taker } from './fan-out-repository.ts';
import { type PublishedMessage, type StoreOptions, storeForEndpoints } from './store-for-endpoints.ts';

type Message = PublishedMessage['message'];

const addressOf = ({ owner, environment }: Pick<Message, 'owner' | 'environment'>): string =>
  `${environment} ${owner}`;

/** Each owner once, with all that its endpoints may be waiting for. */
const addresseesOf = (messages: readonly Message[]): readonly Addressee[] =>
  [...Map.groupBy(messages, addressOf).values()].flatMap((ofOne) =>
    ofOne.slice(0, 1).map(({ owner, environment }) => ({
      owner,
      environment,
      patterns: [...new Set(ofOne.flatMap((message) => patternsFor(message.event_type)))],
    })),
  );

const takes = (endpoint: Taker, message: Message): boolean => {
  const patterns = patternsFor(message.event_type);
  return (
    endpoint.id !== message.except_endpoint_id && endpoint.eventTypes.some((each) => patterns.includes(each))
  );
};

/**
 * Deliveries of one transaction, where they are of several messages: some hundred milliseconds of work. Endpoints have no
 * number that an owner may not go beyond.
 */
export const DELIVERIES_AT_ONCE_MAX = 5_000;

/**
 * These messages are too many for one transaction. Each by itself it is only as long as its own endpoints make it, while a
 * batch that Postgres breaks off for its length comes back whole, and keeps out what others publish.
 */
class TooManyAtOnceError extends Error {
  constructor(messages: number, deliveries: number) {
    super(`${messages} messages would be ${deliveries} deliveries in one transaction`);
    this.name = 'TooManyAtOnceError';
  }
}

/**
 * Stores messages for every endpoint of their owners that takes them, in as many statements for hundreds as for one. Call it
 * in the inbox transaction of their events. A message that no endpoint takes is not stored; one whose id is known is not
 * stored again and uses up no number.
 *
 * @returns what is to be sent at once, after the commit
 * @throws {TooManyAtOnceError} when several of them go to so many endpoints that each has to be stored by itself
 */
export const fanOut = async (
  trx: Executor,
  published: readonly PublishedMessage[],
  options: StoreOptions,
): Promise<StoredDeliveries> => {
  // Of those with one id, the first.
  const messages = new Map(published.toReversed().map((each) => [each.message.message_id, each]));
  const unique = published.filter((each) => messages.get(each.message.message_id) === each);

  const endpointIds = await lockSequences(trx, addresseesOf(unique.map(({ message }) => message)));
  if (endpointIds.length === 0) return { begun: [], waiting: [] };
  const byAddress = Map.groupBy(await readTakers(trx, endpointIds, options.now), addressOf);
  const addressed = unique.map((each) => ({
    ...each,
    takers: (byAddress.get(addressOf(each.message)) ?? []).filter((endpoint) =>
      takes(endpoint, each.message),
    ),
  }));
  const deliveries = addressed.reduce((sum, { takers }) => sum + takers.length, 0);
  if (addressed.length > 1 && deliveries > DELIVERIES_AT_ONCE_MAX) {
    throw new TooManyAtOnceError(addressed.length, deliveries);
  }
  return await storeForEndpoints(trx, addressed, options);
};
