import type { Bus } from '@switchboard/bus';
import {
  AppError,
  type Clock,
  closeCodes,
  type RealtimeContract,
  renderFrame,
  toAppError,
} from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import { LRUCache } from 'lru-cache';
import type { RealtimeConfig } from './config.ts';
import type { Command, Follower } from './follower.ts';
import type { Outbox } from './outbox.ts';
import { readMessage } from './read-message.ts';
import { type CloseCode, errorFrame } from './refusals.ts';

/** Of what a follower may send at once. */
export const BURST = 5;
/** Those that asked for something last; of others nothing needs to be known. */
const CALLERS_MAX = 10_000;
/** What waits for the owner of the topic; a follower that sends more is not read until there is room. */
const WAITING_BYTES_MAX = 128 * 1024;

export interface CommandsDeps {
  readonly bus: Pick<Bus, 'request' | 'isConnected'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: RealtimeConfig;
  readonly outbox: Outbox;
  readonly drop: (follower: Follower, code: CloseCode, reason: string) => void;
}

type Allowance = Pick<Follower, 'tokens' | 'tokensMs'>;

const takeToken = (from: Allowance, perSecond: number, nowMs: number): boolean => {
  const passedMs = Math.max(0, nowMs - from.tokensMs);
  from.tokens = Math.min(perSecond * BURST, from.tokens + (passedMs / 1000) * perSecond);
  from.tokensMs = nowMs;
  if (from.tokens < 1) return false;
  from.tokens -= 1;
  return true;
};

const isUnavailable = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'SERVICE_UNAVAILABLE';

/** What followers send: checked here, then asked of whoever has the topic in hand, one after another. */
export const createCommands = (deps: CommandsDeps) => {
  const { bus, clock, log, config, outbox, drop } = deps;
  const callers = new LRUCache<string, Allowance>({ max: CALLERS_MAX });

  /** What one who has thousands of sockets asks for on all of them would be all that owners do. */
  const mayAsk = ({ caller }: Follower): boolean => {
    const perSecond = config.commandsPerCallerPerSecond;
    const nowMs = clock.now().getTime();
    let allowance = callers.get(caller);
    if (!allowance) {
      allowance = { tokens: perSecond * BURST, tokensMs: nowMs };
      callers.set(caller, allowance);
    }
    return takeToken(allowance, perSecond, nowMs);
  };

  const tooMany = (): AppError =>
    new AppError('RATE_LIMIT_EXCEEDED', {
      message: 'Too many messages on all connections of this account; wait a second',
      details: { limit: config.commandsPerCallerPerSecond },
    });

  /** To this follower alone. */
  const tellError = (
    follower: Follower,
    error: AppError,
    details: Readonly<Record<string, unknown>>,
  ): void => {
    if (follower.state === 'over') return;
    const { topic, lastSent: sequence } = follower;
    outbox.send(
      follower,
      errorFrame(topic.contract, { id: topic.id, sequence, at: clock.now() }, error, details),
    );
  };

  const answerPing = (follower: Follower, id: Command['id']): void => {
    const { topic, lastSent: sequence } = follower;
    const frame = {
      type: 'pong',
      sequence,
      timestamp: clock.now().toISOString(),
      data: id === undefined ? {} : { id },
    };
    outbox.send(follower, renderFrame(topic.contract.topicField, topic.id, frame));
  };

  const ask = async (contract: RealtimeContract, follower: Follower, { message }: Command): Promise<void> => {
    // Whoever waited for NATS to come back would get an answer to a question that no longer fits.
    if (!bus.isConnected())
      throw new AppError('SERVICE_UNAVAILABLE', { message: 'Not right now: try again' });
    const { id } = follower.topic;
    const question = {
      id,
      message: { type: message.type, data: { ...message.data } },
      principal: follower.principal,
      connection_id: follower.connectionId,
    };
    try {
      await bus.request(contract.commandRpc, question, { id });
    } catch (error) {
      // Nobody has it in hand. (After a timeout it may have been done, and is not asked for again.)
      if (!isUnavailable(error) || !bus.isConnected()) throw error;
      await bus.request(contract.fallbackRpc, question);
    }
  };

  /** In the order in which they came, also those of a follower that is gone by now: it meant what it said. */
  const work = async (follower: Follower, commands: Command[]): Promise<void> => {
    const { contract } = follower.topic;
    for (let command = commands[0]; command; command = commands[0]) {
      try {
        await ask(contract, follower, command);
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.status >= 500)
          log.warn({ err: error, kind: contract.kind }, 'a command was not carried out');
        tellError(follower, error, detailsOf(command.message.type, command.id));
        // Of one that is gone: each would wait for an owner that hangs, and old keys would be pressed late.
        if (error.status >= 500 && follower.state === 'over') commands.length = 1;
      }
      commands.shift();
      follower.commandBytes -= command.bytes;
      if (follower.socket.isPaused && follower.commandBytes <= WAITING_BYTES_MAX) follower.socket.resume();
    }
    follower.commands = null;
  };

  const detailsOf = (type: string | undefined, id: Command['id']) => ({
    ...(type === undefined ? {} : { type }),
    ...(id === undefined ? {} : { id }),
  });

  const enqueue = (follower: Follower, command: Command): void => {
    follower.commandBytes += command.bytes;
    if (follower.commandBytes > WAITING_BYTES_MAX) follower.socket.pause();
    if (follower.commands) {
      follower.commands.push(command);
      return;
    }
    follower.commands = [command];
    void work(follower, follower.commands);
  };

  return {
    /** One message, ping or pong came. False: it was one too many, and the follower was dropped. */
    admit(follower: Follower): boolean {
      const nowMs = clock.now().getTime();
      follower.heardMs = nowMs;
      if (takeToken(follower, config.messagesPerSecond, nowMs)) return true;
      drop(follower, closeCodes.tooMany, 'too many messages');
      return false;
    },
    handle(follower: Follower, data: Buffer, isBinary: boolean): void {
      if (isBinary) {
        drop(follower, closeCodes.unsupportedData, 'text only');
        return;
      }
      const { message, error, type, id } = readMessage(follower.topic.contract, data.toString());
      if (error) tellError(follower, error, detailsOf(type, id));
      else if (message?.type === 'ping') answerPing(follower, id);
      else if (message && !mayAsk(follower)) tellError(follower, tooMany(), detailsOf(type, id));
      else if (message) enqueue(follower, { message, id, bytes: data.length });
    },
  };
};
export type Commands = ReturnType<typeof createCommands>;
