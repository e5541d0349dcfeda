import type { Bus, DirectMessage } from '@switchboard/bus';
import { type RealtimeContract, realtimeSubject } from '@switchboard/contracts';
import type { Topic } from './follower.ts';

/** What an id must be to be part of a subject. Wildcards are none: nobody follows another's topic by `*`. */
const SUBJECT_TOKEN = /^[A-Za-z0-9_-]{1,100}$/;

export interface TopicsDeps {
  readonly bus: Pick<Bus, 'listen'>;
  readonly onMessage: (topic: Topic, message: DirectMessage) => void;
}

/** The topics that somebody follows here. The first follower of one subscribes to it, the last one ends that. */
export const createTopics = ({ bus, onMessage }: TopicsDeps) => {
  const topics = new Map<string, Topic>();
  const keyOf = (contract: RealtimeContract, id: string): string => `${contract.kind} ${id}`;

  const open = (contract: RealtimeContract, id: string): Topic => {
    const listening = bus.listen(realtimeSubject(contract.kind, id), (message) => onMessage(topic, message));
    const topic: Topic = {
      contract,
      id,
      followers: new Set(),
      seen: 0,
      final: null,
      fetches: new Map(),
      stop: () => listening.stop(),
    };
    topics.set(keyOf(contract, id), topic);
    return topic;
  };

  return {
    get size() {
      return topics.size;
    },
    isPossible: (id: string): boolean => SUBJECT_TOKEN.test(id),
    /** Whoever takes it puts a follower into it, in the same turn, or lets go of it. */
    take: (contract: RealtimeContract, id: string): Topic =>
      topics.get(keyOf(contract, id)) ?? open(contract, id),
    letGo(topic: Topic): void {
      if (topic.followers.size > 0) return;
      topics.delete(keyOf(topic.contract, topic.id));
      topic.stop();
    },
    all: (): readonly Topic[] => [...topics.values()],
    of: (contract: RealtimeContract): readonly Topic[] =>
      [...topics.values()].filter((topic) => topic.contract === contract),
    find: (contract: RealtimeContract, id: string): Topic | undefined => topics.get(keyOf(contract, id)),
  };
};
export type Topics = ReturnType<typeof createTopics>;
