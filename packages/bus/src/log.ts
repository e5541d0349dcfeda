/** What bus and database need of a logger; pino fits. */
export interface Log {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Says nothing: for tools and tests whose output is something else. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * How traces cross the bus. `current` is asked for the `traceparent` of whatever is sent; `run` is called around
 * every handler with the one that came, so that what the handler does belongs to the same trace.
 */
export interface TraceHooks {
  current(): string | undefined;
  run<T>(traceparent: string | undefined, spanName: string, work: () => Promise<T>): Promise<T>;
}

export const plainTrace: TraceHooks = {
  current: () => undefined,
  run: (_traceparent, _name, work) => work(),
};
