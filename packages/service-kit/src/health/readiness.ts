/** What a service needs in order to answer; `/readyz` asks each one. */
export interface ReadinessCheck {
  readonly name: string;
  /** Resolves when the dependency answers; throws or gives false when it does not. */
  readonly check: () => unknown;
}

export interface ReadinessReport {
  readonly ready: boolean;
  readonly status: 'ready' | 'starting' | 'draining' | 'unready';
  readonly checks: Readonly<Record<string, 'ok' | 'failed' | 'timeout'>>;
}

export interface Readiness {
  add(name: string, check: ReadinessCheck['check']): void;
  /** Booted: from now on the checks decide. */
  markStarted(): void;
  /** Going away: not ready from now on, whatever the checks say. */
  markDraining(): void;
  readonly draining: boolean;
  report(): Promise<ReadinessReport>;
}

const CHECK_TIMEOUT_MS = 2000;

const outcomeOf = async (
  check: ReadinessCheck['check'],
  timeoutMs: number,
): Promise<'ok' | 'failed' | 'timeout'> => {
  const { promise, resolve } = Promise.withResolvers<'timeout'>();
  const timer = setTimeout(() => resolve('timeout'), timeoutMs);
  try {
    return await Promise.race([
      Promise.try(check).then((answer) => (answer === false ? 'failed' : 'ok')),
      promise,
    ]);
  } catch {
    return 'failed';
  } finally {
    clearTimeout(timer);
  }
};

export const createReadiness = (options: { timeoutMs?: number } = {}): Readiness => {
  const checks: ReadinessCheck[] = [];
  let started = false;
  let draining = false;
  return {
    add: (name, check) => void checks.push({ name, check }),
    markStarted: () => {
      started = true;
    },
    markDraining: () => {
      draining = true;
    },
    get draining() {
      return draining;
    },
    report: async () => {
      const timeoutMs = options.timeoutMs ?? CHECK_TIMEOUT_MS;
      const outcomes = await Promise.all(
        checks.map(async ({ name, check }) => [name, await outcomeOf(check, timeoutMs)] as const),
      );
      const healthy = outcomes.every(([, outcome]) => outcome === 'ok');
      const ready = started && !draining && healthy;
      const status = draining ? 'draining' : !started ? 'starting' : healthy ? 'ready' : 'unready';
      return { ready, status, checks: Object.fromEntries(outcomes) };
    },
  };
};
