/**
 * TERMINOLOGY — *window*: begins with the first request counted in it and lasts a fixed time; the next one begins with
 * the first request after its end. *Take*: count one request, if there is room.
 */
export interface Taken {
  /** Requests counted in the window with this one; `limit + 1` when there was no room and none was counted. */
  readonly count: number;
  /** Milliseconds until the window ends. */
  readonly leftMs: number;
}

export interface LimitStore {
  take(key: string, limit: number, windowMs: number): Taken | Promise<Taken>;
  /** The same without counting anything. */
  peek(key: string, limit: number, windowMs: number): Taken | Promise<Taken>;
}
