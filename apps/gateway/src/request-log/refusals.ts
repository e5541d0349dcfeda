import type { Clock, RequestRecord, ServiceName } from '@switchboard/contracts';
import type { Metrics } from '@switchboard/service-kit';

/** A request as the gateway saw it: it stands for itself alone. */
export type SeenRequest = Omit<RequestRecord, 'repeated'>;

export interface RefusalBounds {
  /** Of a credential in a clock hour; they are recorded one by one. */
  readonly singlesMax: number;
  /** How many credentials may have some recorded one by one in a clock hour. */
  readonly watchedMax: number;
  /** How many kinds of refusals of one credential are told apart between two flushes. */
  readonly kindsMax: number;
  /** How many records are gathered between two flushes; the second half is for kinds that are not told apart. */
  readonly gatheredMax: number;
}

/** About 6 MB of watched credentials, and at most 30 MB of gathered records. */
const BOUNDS: RefusalBounds = { singlesMax: 300, watchedMax: 50_000, kindsMax: 50, gatheredMax: 20_000 };

const GATHER_MS = 60_000;
const LOOK_MS = 1_000;
const HOUR_MS = 3_600_000;

interface Gathered {
  readonly service: ServiceName;
  /** The latest, serialised: parts of headers in the object would hold on to whole headers. */
  record: string;
  repeated: number;
}

export interface RefusalsOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly bounds?: Partial<RefusalBounds> | undefined;
  /** Takes the record that stands for so many requests. */
  publish(service: ServiceName, record: string, requests: number): void;
  /** Hears of a request that none stands for. */
  lose(): void;
}

/** Answers that cost their caller nothing, so that nothing bounds how many there are. */
export const isFreeRefusal = ({ counted, status }: SeenRequest): boolean =>
  !counted && status >= 400 && status < 500;

const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS);

/**
 * Gathers refusals. A token that is used up or disabled is refused without bound, and a record of each would fill every disk
 * behind it: 20,000 in 4 seconds made 20,000 rows and 18 MB of events. Beyond the first ones of an hour, one record a minute
 * stands for all of a kind, and the sums stay exact.
 *
 * A record never stands for requests of two clock hours, of two credentials or with two statuses, whatever the bounds: figures are
 * kept by these.
 */
export const createRefusals = (options: RefusalsOptions) => {
  const { clock, metrics, publish, lose } = options;
  const { singlesMax, watchedMax, kindsMax, gatheredMax } = { ...BOUNDS, ...options.bounds };
  /** How many of each credential were recorded one by one in this hour. */
  const watched = new Map<string, number>();
  const gathered = new Map<string, Map<string, Gathered>>();
  let records = 0;
  let hour = 0;
  let sinceMs = 0;
  let looking: NodeJS.Timeout | undefined;
  const countGathered = metrics.counter(
    'gateway_request_log_gathered_total',
    'Refused requests that the record of another one stands for',
  );
  const countMixed = metrics.counter(
    'gateway_request_log_mixed_total',
    'Refused requests whose method, endpoint and error code were not told apart: too many kinds of them at once',
  );

  const flush = (): void => {
    clearInterval(looking);
    looking = undefined;
    for (const ofOne of gathered.values()) {
      for (const { service, record, repeated } of ofOne.values()) {
        const whole = repeated === 0 ? record : `${record.slice(0, -1)},"repeated":${repeated}}`;
        publish(service, whole, 1 + repeated);
      }
    }
    gathered.clear();
    records = 0;
  };

  const look = (): void => {
    if (clock.now().getTime() - sinceMs >= GATHER_MS) flush();
  };

  const gather = (service: ServiceName, who: string, record: SeenRequest, completedMs: number): void => {
    // The hour in which it came, as its figures have it.
    const came = hourOf(completedMs - Math.floor(record.duration_ms));
    const { status, method, endpoint, error_code, credential_kind } = record;
    const ofOne = gathered.get(who) ?? new Map<string, Gathered>();
    let kind = `${came} ${status} ${method} ${endpoint} ${error_code} ${credential_kind}`;
    if (!ofOne.has(kind) && (ofOne.size >= kindsMax || records >= gatheredMax / 2)) {
      kind = `${came} ${status}`;
      countMixed();
    }
    const known = ofOne.get(kind);
    if (known) {
      known.record = JSON.stringify(record);
      known.repeated += 1;
      countGathered();
      return;
    }
    if (records >= gatheredMax) {
      lose();
      return;
    }
    ofOne.set(kind, { service, record: JSON.stringify(record), repeated: 0 });
    gathered.set(who, ofOne);
    records += 1;
    if (looking) return;
    sinceMs = clock.now().getTime();
    looking = setInterval(look, LOOK_MS);
    looking.unref();
  };

  return {
    /** Takes a refusal in; false: it is to be recorded by itself. */
    take(service: ServiceName, record: SeenRequest): boolean {
      const completedMs = Date.parse(record.completed_at);
      if (hourOf(completedMs) !== hour) {
        flush();
        watched.clear();
        hour = hourOf(completedMs);
      }
      const { credential_kind, credential_id } = record;
      const who = credential_id === null ? service : `${service} ${credential_kind} ${credential_id}`;
      const singles = watched.get(who) ?? (watched.size < watchedMax ? 0 : singlesMax);
      if (singles < singlesMax) {
        watched.set(who, singles + 1);
        return false;
      }
      gather(service, who, record, completedMs);
      return true;
    },
    /** Gives all that is gathered away. */
    flush,
  };
};
