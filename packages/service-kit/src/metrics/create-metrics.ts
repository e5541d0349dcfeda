import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds. Fine where a healthy answer lies (1–100 ms), coarse up to the longest timeout. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface HttpObservation {
  readonly method: string;
  /** The pattern (`/jobs/:job_id`), never the path: labels must stay few. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export interface Metrics {
  readonly registry: Registry;
  observeHttp(observation: HttpObservation): void;
  /** Counts an error answer by its code of the catalogue. */
  countError(code: string): void;
  /** A figure asked for at every scrape. A reader that fails leaves the last value. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void;
  /** The same with one label, e.g. the lag of every consumer. */
  gaugeBy(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>,
  ): void;
  counter(name: string, help: string): (by?: number) => void;
  counterBy(name: string, help: string, label: string): (value: string, by?: number) => void;
  histogram(name: string, help: string, buckets?: readonly number[]): (value: number) => void;
  /** The Prometheus text of everything. */
  render(): Promise<string>;
}

/** How long a reader of a gauge may take; a scrape must not hang on a database that does. */
const READ_TIMEOUT_MS = 2000;

const withTimeout = async <Value>(read: () => Value | Promise<Value>): Promise<Value | undefined> => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), READ_TIMEOUT_MS);
  try {
    return await Promise.race([read(), promise]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
};

/**
 * The metrics of one service, in a registry of its own.
 *
 * @param options.process also event-loop lag, memory, CPU and garbage collection; once per process
 */
export const createMetrics = (options: { service: string; process?: boolean }): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  registry.setDefaultLabels({ service: options.service });
  if (options.process) collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const errors = new Counter({
    name: 'http_errors_total',
    help: 'Error answers by code',
    labelNames: ['code'] as const,
    registers,
  });
  return {
    registry,
    observeHttp: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds),
    countError: (code) => errors.inc({ code }),
    gauge: (name, help, read) => {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          const value = await withTimeout(read);
          if (value !== undefined) this.set(value);
        },
      });
    },
    gaugeBy: (name, help, label, read) => {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        async collect() {
          const values = await withTimeout(read);
          if (values === undefined) return;
          this.reset();
          for (const [key, value] of Object.entries(values)) this.set({ [label]: key }, value);
        },
      });
    },
    counter: (name, help) => {
      const counter = new Counter({ name, help, registers });
      return (by = 1) => counter.inc(by);
    },
    counterBy: (name, help, label) => {
      const counter = new Counter({ name, help, labelNames: [label], registers });
      return (value, by = 1) => counter.inc({ [label]: value }, by);
    },
    histogram: (name, help, buckets = DURATION_BUCKETS) => {
      const histogram = new Histogram({ name, help, buckets: [...buckets], registers });
      return (value) => histogram.observe(value);
    },
    render: () => registry.metrics(),
  };
};
