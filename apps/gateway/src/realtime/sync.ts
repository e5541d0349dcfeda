import type { Bus } from '@switchboard/bus';
import type { RealtimeContract } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { Delivery } from './delivery.ts';
import type { Topic } from './follower.ts';
import type { Topics } from './topics.ts';

const BATCH = 1000;

const ticketsOf = (topics: readonly Topic[]): readonly string[] => {
  const tickets = new Set<string>();
  for (const { followers } of topics) {
    for (const { principal } of followers) {
      if (principal.kind === 'ticket') tickets.add(principal.ticket_id);
    }
  }
  return [...tickets];
};

export interface SyncDeps {
  readonly bus: Pick<Bus, 'request' | 'isConnected'>;
  readonly log: Log;
  readonly contracts: readonly RealtimeContract[];
  readonly topics: Topics;
  readonly delivery: Delivery;
}

/** Asks the owners how far all topics are: what the bus lost is noticed here at the latest. It also renews tickets. */
export const createSync = ({ bus, log, contracts, topics, delivery }: SyncDeps) => {
  let running: Promise<void> | null = null;
  let hasFailed = false;

  const syncOne = async (contract: RealtimeContract): Promise<void> => {
    const followed = topics.of(contract);
    const ids = followed.map(({ id }) => id);
    const tickets = ticketsOf(followed);
    for (let from = 0; from < Math.max(ids.length, tickets.length); from += BATCH) {
      const question = { ids: ids.slice(from, from + BATCH), tickets: tickets.slice(from, from + BATCH) };
      const reply = await bus.request(contract.syncRpc, question);
      for (const { id, last_sequence, is_final } of reply.topics) {
        const topic = topics.find(contract, id);
        if (topic) delivery.onSynced(topic, last_sequence, is_final);
      }
    }
  };

  const syncAll = async (): Promise<void> => {
    const hadFailed = hasFailed;
    hasFailed = false;
    for (const contract of contracts) {
      try {
        await syncOne(contract);
      } catch (error) {
        hasFailed = true;
        if (hadFailed) continue;
        log.warn(
          { err: error, kind: contract.kind },
          'nobody says how far the followed topics are; trying on',
        );
      }
    }
  };

  return {
    /** Never throws; one at a time. */
    async run(): Promise<void> {
      running ??= syncAll().finally(() => {
        running = null;
      });
      await running;
    },
    /** True when it is to be tried again as soon as somebody can be asked: NATS may be back before the owner is. */
    isOwed: (): boolean => hasFailed && running === null && bus.isConnected(),
  };
};
