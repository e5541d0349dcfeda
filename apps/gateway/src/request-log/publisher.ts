import type { Bus } from '@switchboard/bus';
import { BusError } from '@switchboard/bus';
import {
  type Clock,
  type Envelope,
  eventSubject,
  eventType,
  gatewayEvents,
  type Ids,
  type ServiceName,
} from '@switchboard/contracts';
import type { Log, Metrics } from '@switchboard/service-kit';
import { createRefusals, isFreeRefusal, type RefusalBounds, type SeenRequest } from './refusals.ts';

export interface RequestLogOptions {
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bufferedRecordsMax?: number;
  readonly refusalBounds?: Partial<RefusalBounds>;
}

export interface RequestLog {
  /** Takes a record in. Never waits, never throws. */
  add(service: ServiceName, record: SeenRequest): void;
  /** Publishes what is left; gives up after the time. */
  close(deadlineSeconds?: number): Promise<void>;
}

interface Batch {
  /** The event's id: the same over every try, so that JetStream keeps one. */
  readonly id: string;
  readonly service: ServiceName;
  /** Serialised as they come: a text is smaller than the object, and is not made twice. */
  readonly records: string[];
  /** How many requests they stand for. */
  requests: number;
}

const BATCH_RECORDS_MAX = 100;
const BATCH_WAIT_MS = 100;
/** About 30 MB. At 1,000 requests a second NATS may be away for almost two minutes before a record is lost. */
const BUFFERED_RECORDS_MAX = 100_000;
const RETRY_MS = { first: 100, max: 2_000 };
const CLOSE_SECONDS = 5;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Publishes `gateway.request.completed` for the service that keeps each credential's log: in batches, in order, from
 * memory. While NATS is away records are kept up to a bound, then the oldest go and are counted as lost. Refusals beyond the first
 * ones of a credential and hour are gathered.
 */
export const createRequestLog = (options: RequestLogOptions): RequestLog => {
  const { bus, clock, ids, log, metrics, bufferedRecordsMax = BUFFERED_RECORDS_MAX } = options;
  const filling = new Map<ServiceName, Batch>();
  const queue: Batch[] = [];
  let buffered = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let closing = false;
  const countLost = metrics.counter(
    'gateway_request_log_lost_total',
    'Requests of which no record could be kept',
  );
  metrics.gauge('gateway_request_log_buffered', 'Request records that are not published yet', () => buffered);

  const lose = (batch: Batch): void => {
    buffered -= batch.records.length;
    countLost(batch.requests);
  };

  /** The envelope that `publishEvent` would make, put together from texts: checking and serialising there costs 2.5 µs a record. */
  const publish = ({ id, service, records }: Batch): Promise<unknown> => {
    const envelope: Envelope = {
      specversion: '1.0',
      id,
      source: 'gateway',
      type: eventType(gatewayEvents.requestCompleted),
      time: clock.now().toISOString(),
      datacontenttype: 'application/json',
      data: null,
    };
    const head = JSON.stringify(envelope).slice(0, -'null}'.length);
    return bus.publish({
      subject: eventSubject(gatewayEvents.requestCompleted, service),
      payload: `${head}{"requests":[${records.join(',')}]}}`,
      msgId: id,
      headers: { 'ce-id': id, 'ce-type': envelope.type },
    });
  };

  const sendAll = async (): Promise<void> => {
    let waitMs = RETRY_MS.first;
    for (let batch = queue[0]; batch; batch = queue[0]) {
      try {
        await publish(batch);
        // The bound may have thrown it out meanwhile.
        if (queue[0] === batch) {
          queue.shift();
          buffered -= batch.records.length;
        }
        waitMs = RETRY_MS.first;
      } catch (error) {
        const hopeless = !(error instanceof BusError) || error.kind === 'rejected';
        if (hopeless) {
          log.error({ err: error, records: batch.records.length }, 'request records cannot be published');
          if (queue[0] === batch) lose(queue.shift() ?? batch);
          continue;
        }
        if (waitMs === RETRY_MS.first) log.warn({ err: error, buffered }, 'the request log waits for NATS');
        await pause(waitMs * (0.5 + Math.random() / 2));
        waitMs = Math.min(waitMs * 2, closing ? RETRY_MS.first : RETRY_MS.max);
      }
    }
    sending = undefined;
  };

  const enqueue = (batch: Batch): void => {
    filling.delete(batch.service);
    queue.push(batch);
    while (buffered > bufferedRecordsMax && queue.length > 1) {
      const oldest = queue.shift();
      if (oldest) lose(oldest);
    }
    sending ??= sendAll();
  };

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    for (const batch of [...filling.values()]) enqueue(batch);
  };

  const put = (service: ServiceName, record: string, requests: number): void => {
    let batch = filling.get(service);
    if (!batch) {
      batch = { id: ids.next(), service, records: [], requests: 0 };
      filling.set(service, batch);
      timer ??= setTimeout(flush, BATCH_WAIT_MS);
    }
    batch.records.push(record);
    batch.requests += requests;
    buffered += 1;
    if (batch.records.length >= BATCH_RECORDS_MAX) enqueue(batch);
  };

  const refusals = createRefusals({
    clock,
    metrics,
    bounds: options.refusalBounds,
    publish: put,
    lose: () => countLost(),
  });

  return {
    add(service, record) {
      if (isFreeRefusal(record) && refusals.take(service, record)) return;
      put(service, JSON.stringify(record), 1);
    },
    async close(deadlineSeconds = CLOSE_SECONDS) {
      closing = true;
      refusals.flush();
      flush();
      const { promise: timeUp, resolve } = Promise.withResolvers<void>();
      const deadline = setTimeout(resolve, deadlineSeconds * 1000);
      await Promise.race([sending, timeUp]);
      clearTimeout(deadline);
      if (buffered > 0)
        log.error({ records: buffered }, 'request records are lost: NATS was away at the end');
    },
  };
};
