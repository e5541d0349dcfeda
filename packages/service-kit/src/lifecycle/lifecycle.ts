import type { FastifyInstance } from 'fastify';
import type { Readiness } from '../health/readiness.ts';
import type { Log } from '../log/create-log.ts';
import { drainHttp } from './drain-http.ts';

type Step = () => unknown;

export interface Lifecycle {
  /** Aborted when the shutdown begins; for waits and pulls that should end early. */
  readonly signal: AbortSignal;
  /** Registers what takes new work (consumers, pollers): stopped first, while HTTP still answers. */
  onStopWork(name: string, step: Step): void;
  /** Registers what is closed when no work is left, last opened first. Register right after opening. */
  onClose(name: string, step: Step): void;
  /** Listens, and has the server drained at shutdown. Gives the URL. */
  listen(app: FastifyInstance, at: { host: string; port: number }): Promise<string>;
  /** Runs the phases once; later calls wait for the same end. False when a step failed or the time ran out. */
  shutdown(reason: string): Promise<boolean>;
}

export interface LifecycleOptions {
  readonly log: Log;
  readonly readiness: Readiness;
  readonly drainSeconds: number;
  readonly shutdownSeconds: number;
}

interface NamedStep {
  readonly name: string;
  readonly step: Step;
}

/**
 * How a service ends: not ready → no new work, HTTP drains → close. All of it within `shutdownSeconds`, then whatever is
 * left is abandoned (and taken over by others: leases, redelivery, outbox).
 */
export const createLifecycle = (options: LifecycleOptions): Lifecycle => {
  const { log, readiness, drainSeconds, shutdownSeconds } = options;
  const stopping: NamedStep[] = [];
  const closing: NamedStep[] = [];
  const servers: FastifyInstance[] = [];
  const abort = new AbortController();
  let ending: Promise<boolean> | undefined;

  const run = async ({ name, step }: NamedStep): Promise<boolean> => {
    try {
      await step();
      return true;
    } catch (error) {
      log.error({ err: error, step: name }, 'a step of the shutdown failed');
      return false;
    }
  };

  const runPhases = async (): Promise<boolean> => {
    const drains = servers.map((app) => ({ name: 'http', step: () => drainHttp(app, drainSeconds) }));
    const outcomes = await Promise.all([...stopping, ...drains].map(run));
    for (const step of closing.toReversed()) outcomes.push(await run(step));
    return outcomes.every(Boolean);
  };

  const end = async (reason: string): Promise<boolean> => {
    log.info({ reason }, 'shutting down');
    readiness.markDraining();
    abort.abort();
    const { promise: timeUp, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(() => {
      log.error({ shutdownSeconds }, 'shutdown took too long; what is left is abandoned');
      resolve(false);
    }, shutdownSeconds * 1000);
    try {
      return await Promise.race([runPhases(), timeUp]);
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    signal: abort.signal,
    onStopWork: (name, step) => void stopping.push({ name, step }),
    onClose: (name, step) => void closing.push({ name, step }),
    listen: async (app, at) => {
      servers.push(app);
      return app.listen({ host: at.host, port: at.port });
    },
    shutdown: (reason) => {
      ending ??= end(reason);
      return ending;
    },
  };
};
