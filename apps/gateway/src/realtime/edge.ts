import { randomUUID } from 'node:crypto';
import type { WebSocket } from '@fastify/websocket';
import type { Bus } from '@switchboard/bus';
import {
  AppError,
  type Clock,
  type CredentialKind,
  closeCodes,
  errors,
  type Principal,
  principalId,
  type RealtimeContract,
  systemClock,
} from '@switchboard/contracts';
import type { Log, Metrics } from '@switchboard/service-kit';
import type { PresentedRequest } from '../credentials/credential.ts';
import type { Credentials } from '../credentials/index.ts';
import { createAskOwner } from '../credentials/lookup.ts';
import { BURST, createCommands } from './commands.ts';
import type { RealtimeConfig } from './config.ts';
import { createCredentialWatch } from './credential-watch.ts';
import { createDelivery } from './delivery.ts';
import type { Follower, Topic } from './follower.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createOutbox } from './outbox.ts';
import { type CloseCode, closeCodeOf, errorFrame } from './refusals.ts';
import { createSync } from './sync.ts';
import { createTopics } from './topics.ts';

const TICK_MS = 250;
const SYNC_SECONDS = 10;
/** Between the last frame of a topic and the end of its sockets. */
const FINISHED_SECONDS = 5;
/** How long a peer may take to answer a close frame; then its connection is cut. */
export const CLOSE_TIMEOUT_MS = 5_000;
/** Of the time that a drain has. */
const DRAIN_SHARE = 0.75;
/** Sockets beyond `socketsMax` that are only told so. Beyond those nothing is said any more. */
const REFUSED_MAX = 1000;

export interface RealtimeOptions {
  readonly config: RealtimeConfig;
  readonly contracts: readonly RealtimeContract[];
  readonly bus: Pick<Bus, 'request' | 'listen' | 'isConnected' | 'onConnect'>;
  readonly credentials: Credentials;
  /** How long a new socket waits for an owner that restarts. */
  readonly waitSeconds: number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock?: Clock;
}

/** A socket that was let in, and what it wants. */
export interface Newcomer {
  readonly socket: WebSocket;
  readonly contract: RealtimeContract;
  readonly id: string;
  readonly since: number;
  readonly principal: Principal;
  readonly kind: CredentialKind | null;
  readonly address: string;
  readonly request: PresentedRequest;
}

/** Whose sockets count together: those of an account, whichever of its keys and tickets opened them. */
const callerOf = (principal: Principal): string => {
  switch (principal.kind) {
    case 'api_key':
      return principal.account_id;
    case 'ticket':
      return principal.owner_id;
    default:
      return principalId(principal);
  }
};

/**
 * Where everything live ends: sockets that follow topics (contracts/realtime.ts). It knows the contracts and no surface: it
 * subscribes for them, asks the owners what happened, sends it, and passes on what followers ask for. Everything that it
 * keeps is about sockets that are open now.
 */
export const createRealtimeEdge = (options: RealtimeOptions) => {
  const { config, contracts, bus, credentials, waitSeconds, log, metrics } = options;
  const clock = options.clock ?? systemClock;
  const nowMs = (): number => clock.now().getTime();
  const askOwner = createAskOwner({ bus, waitSeconds });
  /** All that were accepted and are not closed, those that are being refused too. */
  const sockets = new Set<WebSocket>();
  const followersOf = new Map<string, number>();
  /** Until when those who have everything stay; the first one is the first to go. */
  const finishing = new Map<Follower, number>();
  let isDraining = false;
  let tickedMs = nowMs();
  let syncAtMs = tickedMs + SYNC_SECONDS * 1000;
  let credentialsChanged = false;

  const countFrames = metrics.counter('gateway_realtime_frames_sent_total', 'Messages sent to WebSockets');
  const countClosed = metrics.counterBy(
    'gateway_realtime_closed_total',
    'WebSockets closed by this gateway, by close code',
    'code',
  );

  const leave = (follower: Follower): void => {
    const { topic, caller } = follower;
    if (!topic.followers.delete(follower)) return;
    follower.state = 'over';
    const left = (followersOf.get(caller) ?? 1) - 1;
    if (left === 0) followersOf.delete(caller);
    else followersOf.set(caller, left);
    outbox.forget(follower);
    delivery.forget(follower);
    finishing.delete(follower);
    heartbeat.remove(follower);
    watch.remove(follower);
    topics.letGo(topic);
  };

  const close = (socket: WebSocket, code: CloseCode, reason: string): void => {
    countClosed(String(code));
    // Its answer could not be read.
    if (socket.isPaused) socket.resume();
    socket.close(code, reason);
  };

  const drop = (follower: Follower, code: CloseCode, reason: string): void => {
    if (follower.state === 'over') return;
    leave(follower);
    close(follower.socket, code, reason);
  };

  const dropDead = (follower: Follower): void => {
    leave(follower);
    countClosed('dead');
    follower.socket.terminate();
  };

  const finish = (follower: Follower): void => {
    if (!finishing.has(follower)) finishing.set(follower, nowMs() + FINISHED_SECONDS * 1000);
  };

  const ticketUsed = ({ followers }: Topic, ticketId: string, use: number): void => {
    for (const follower of followers) {
      const { principal } = follower;
      if (principal.kind === 'ticket' && principal.ticket_id === ticketId && principal.use < use) {
        drop(follower, closeCodes.replaced, 'the ticket was used again');
      }
    }
  };

  const outbox = createOutbox({
    config,
    dropSlow: (follower) => drop(follower, closeCodes.tooSlow, 'too slow'),
    countFrames,
  });
  const delivery = createDelivery({ bus, clock, log, outbox, onFinished: finish, onTicketUsed: ticketUsed });
  const topics = createTopics({ bus, onMessage: delivery.onMessage });
  const commands = createCommands({ bus, clock, log, config, outbox, drop });
  const heartbeat = createHeartbeat(nowMs(), dropDead);
  const watch = createCredentialWatch(credentials, (follower) =>
    drop(follower, closeCodes.unauthorized, 'the credential is no longer valid'),
  );
  const sync = createSync({ bus, log, contracts, topics, delivery });

  const closeFinished = (now: number): void => {
    for (const [follower, atMs] of finishing) {
      if (atMs > now) return;
      drop(follower, closeCodes.normal, 'it is over');
    }
  };

  /** What was to be done at times that are far away now. */
  const onClockSetBack = (now: number): void => {
    syncAtMs = now;
    for (const follower of finishing.keys()) finishing.set(follower, now + FINISHED_SECONDS * 1000);
  };

  const tick = (): void => {
    const now = nowMs();
    if (now < tickedMs) onClockSetBack(now);
    tickedMs = now;
    outbox.tick(now);
    heartbeat.tick(now);
    closeFinished(now);
    delivery.retry();
    const isTime = now >= syncAtMs;
    if (isTime) syncAtMs = now + SYNC_SECONDS * 1000;
    if (isTime || sync.isOwed()) void sync.run();
    if (isTime || credentialsChanged) {
      credentialsChanged = false;
      void watch.checkAll();
    }
  };
  const timer = setInterval(() => {
    try {
      tick();
    } catch (error) {
      log.error({ err: error }, 'the realtime edge could not do what was due');
    }
  }, TICK_MS).unref();

  // Whatever was said while NATS was away was not heard. The client has subscribed again by now.
  const stopListening = [
    bus.onConnect(() => void sync.run()),
    ...Object.values(credentials).flatMap((credential) => {
      const stop = credential.onChange?.(() => {
        credentialsChanged = true;
      });
      return stop ? [stop] : [];
    }),
  ];

  const unavailable = (message: string): AppError =>
    new AppError('SERVICE_UNAVAILABLE', { message, headers: { 'retry-after': '1' } });

  const newFollower = ({ socket, contract, id, since, principal }: Newcomer, caller: string): Follower => {
    const now = nowMs();
    const follower: Follower = {
      socket,
      topic: topics.take(contract, id),
      principal,
      caller,
      connectionId: randomUUID(),
      state: 'behind',
      lastSent: since,
      // Until the owner said yes.
      isCatchingUp: true,
      bufferedBytes: 0,
      heardMs: now,
      tokens: config.messagesPerSecond * BURST,
      tokensMs: now,
      commands: null,
      commandBytes: 0,
    };
    follower.topic.followers.add(follower);
    followersOf.set(caller, (followersOf.get(caller) ?? 0) + 1);
    return follower;
  };

  const listenTo = (follower: Follower): void => {
    const { socket } = follower;
    const sign = () => void commands.admit(follower);
    socket.on('message', (data, isBinary) => {
      if (follower.state === 'over' || !commands.admit(follower)) return;
      try {
        commands.handle(follower, data as Buffer, isBinary);
      } catch (error) {
        log.error({ err: error, kind: follower.topic.contract.kind }, 'a message could not be taken in');
        drop(follower, closeCodes.internalError, 'an error on our side');
      }
    });
    socket.on('ping', sign);
    socket.on('pong', sign);
    socket.on('close', () => leave(follower));
  };

  const assertRoom = (caller: string): void => {
    if ((followersOf.get(caller) ?? 0) < config.socketsPerCallerMax) return;
    throw new AppError('RATE_LIMIT_EXCEEDED', {
      message: 'Too many open connections of this account',
      details: { limit: config.socketsPerCallerMax },
    });
  };

  metrics.gauge('gateway_realtime_sockets', 'WebSockets that are open', () => sockets.size);
  metrics.gauge('gateway_realtime_topics', 'Topics that are followed here', () => topics.size);
  metrics.gauge(
    'gateway_realtime_buffered_bytes',
    'What WebSockets have not read yet',
    () => outbox.totalBytes,
  );

  return {
    contracts,
    /** True when not even a refusal would fit: then no connection is accepted. */
    isOverfull: (): boolean => sockets.size >= config.socketsMax + REFUSED_MAX,
    /** A connection was accepted. It is not read until it follows something or is refused. */
    enter(socket: WebSocket): void {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', (error: Error & { code?: string }) => {
        // The protocol's own faults, which ws closes for: 1009, 1007, 1002.
        if (error.code?.startsWith('WS_ERR')) countClosed(error.code);
      });
      socket.pause();
    },
    /** @throws SERVICE_UNAVAILABLE when nobody is let in right now, whoever it is */
    assertOpen(): void {
      if (isDraining) throw unavailable('This gateway restarts: connect again');
      if (sockets.size > config.socketsMax) throw unavailable('This gateway is full: try again shortly');
      if (!bus.isConnected()) throw unavailable('Nobody can be asked right now: try again shortly');
    },
    /**
     * Makes a socket that was let in follow its topic: subscribes, then asks what happened, sends it, and goes on live.
     *
     * @throws what the owner refuses it with; INVALID_PARAMETER for a `since` that never was
     */
    async follow(newcomer: Newcomer): Promise<void> {
      const { socket, contract, id, since, principal } = newcomer;
      if (!topics.isPossible(id)) throw new AppError(contract.notFound);
      const caller = callerOf(principal);
      assertRoom(caller);
      const follower = newFollower(newcomer, caller);
      const { topic } = follower;
      if (principal.kind === 'ticket') ticketUsed(topic, principal.ticket_id, principal.use);
      try {
        const seenBefore = topic.seen;
        const reply = await askOwner(contract.followRpc, { id, since, principal }, true);
        if (since > reply.last_sequence) {
          throw errors.invalidParameter([{ field: 'since', message: `is at most ${reply.last_sequence}` }]);
        }
        if (isDraining) throw unavailable('This gateway restarts: connect again');
        if (follower.state === 'over') return;
        if (socket.readyState !== socket.OPEN) return leave(follower);
        heartbeat.add(follower);
        watch.add(follower, newcomer.kind, newcomer.request, contract.route, newcomer.address);
        listenTo(follower);
        follower.isCatchingUp = false;
        delivery.catchUp(follower, delivery.pageOf(topic, seenBefore, reply));
        socket.resume();
      } catch (error) {
        leave(follower);
        throw error;
      }
    },
    /** Says why, and closes. */
    refuse(socket: WebSocket, contract: RealtimeContract, id: string, error: AppError): void {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(errorFrame(contract, { id, sequence: 0, at: clock.now() }, error));
      const code = isDraining && error.status >= 500 ? closeCodes.serviceRestart : closeCodeOf(error);
      close(socket, code, error.code);
    },
    /**
     * Ends all connections with 1012, evenly over the time, so that not all clients connect elsewhere at the same moment.
     * Resolves when the last one is gone. Later connections get 1012 at once.
     */
    async drain(seconds: number): Promise<void> {
      isDraining = true;
      const followers = topics.all().flatMap((topic) => [...topic.followers]);
      const startMs = performance.now();
      const total = followers.length;
      // The rest of the time is for the last ones to go.
      const spreadMs = seconds * 1000 * DRAIN_SHARE;
      const leftMs = (): number => spreadMs - (performance.now() - startMs);
      const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
      while (followers.length > 0) {
        const due = leftMs() <= 0 ? 0 : Math.floor((total * leftMs()) / spreadMs);
        for (const follower of followers.splice(due)) drop(follower, closeCodes.serviceRestart, 'restart');
        if (followers.length > 0) await pause(Math.min(50, leftMs()));
      }
      const untilMs = performance.now() + CLOSE_TIMEOUT_MS;
      while (sockets.size > 0 && performance.now() < untilMs) await pause(20);
    },
    /** Cuts whatever is left. */
    close(): void {
      isDraining = true;
      clearInterval(timer);
      for (const stop of stopListening) stop();
      for (const topic of topics.all()) for (const follower of topic.followers) leave(follower);
      for (const socket of sockets) socket.terminate();
    },
  };
};
export type RealtimeEdge = ReturnType<typeof createRealtimeEdge>;
