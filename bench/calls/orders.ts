/** TERMINOLOGY — *topic*: what is followed, a call for instance. *Event*: one frame of it. *Delivery*: an event on one socket. */
export interface Topic {
  readonly subject: string;
  readonly callId: string;
  /** Of the next frame. */
  readonly nextSequence: number;
}

export interface OpenOrder {
  readonly sockets: readonly {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  }[];
  /** What a socket was sent before it counts as open; null where nothing is said at first. */
  readonly greeting: string | null;
}

export interface PublishOrder {
  readonly topics: readonly Topic[];
  readonly socketsPerTopic: number;
  readonly events: number;
  /** Null: as fast as they arrive, with so many on their way. */
  readonly ratePerSecond: number | null;
  readonly onTheirWay: number;
}

export interface PublishFigures {
  readonly deliveries: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
