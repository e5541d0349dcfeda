import { AppError, type Clock } from '@switchboard/contracts';
import { type Kysely, sql, type Transaction } from 'kysely';

export interface IdempotentInput<Schema> {
  /** The transaction of the effect: the record is committed with it or not at all. */
  readonly trx: Transaction<Schema>;
  /** Whose key it is and for what: credential's owner + environment + route. */
  readonly scope: string;
  readonly key: string;
  /** Of everything in the request that matters; another hash under the same key is refused. */
  readonly requestHash: string;
  readonly clock: Clock;
}

export interface IdempotentAnswer<Body> {
  /** True: the effect happened with an earlier request, and this is what that one was answered. */
  readonly replayed: boolean;
  readonly status: number;
  readonly body: Body;
}

interface StoredRecord {
  request_hash: string;
  status: number | null;
  body: unknown;
}

const KEPT_SECONDS = 24 * 3600;

/**
 * Runs the effect of a request with an idempotency key once in 24 hours. A second request waits for the first and gets
 * its answer (as parsed JSON); if the first fails, nothing of it is left and the second runs.
 *
 * @param parseBody checks the stored answer, for example with the route's response schema
 * @throws AppError DUPLICATE_REQUEST when the key came with another request before
 */
export const idempotent = async <Schema, Body>(
  input: IdempotentInput<Schema>,
  run: () => Promise<{ readonly status: number; readonly body: Body }>,
  parseBody: (stored: unknown) => Body,
): Promise<IdempotentAnswer<Body>> => {
  const { trx, scope, key, requestHash } = input;
  const now = input.clock.now();
  const expires = new Date(now.getTime() + KEPT_SECONDS * 1000);
  // Waits here while another transaction holds the key. An expired record counts as none.
  const taken = await sql`
    insert into idempotency_records as present (scope, key, request_hash, created_at, expires_at)
    values (${scope}, ${key}, ${requestHash}, ${now}, ${expires})
    on conflict (scope, key) do update
      set request_hash = excluded.request_hash, created_at = excluded.created_at, expires_at = excluded.expires_at,
          status = null, body = null
      where present.expires_at <= excluded.created_at
    returning 1`.execute(trx);

  if (taken.rows.length > 0) {
    const answer = await run();
    await sql`
      update idempotency_records set status = ${answer.status}, body = ${JSON.stringify(answer.body ?? null)}
      where scope = ${scope} and key = ${key}`.execute(trx);
    return { replayed: false, ...answer };
  }

  const found = await sql<StoredRecord>`
    select request_hash, status, body from idempotency_records where scope = ${scope} and key = ${key}`.execute(
    trx,
  );
  const [record] = found.rows;
  if (!record || record.status === null)
    throw new Error('An idempotency record without an answer: was its transaction nested?');
  if (record.request_hash !== requestHash) {
    throw new AppError('DUPLICATE_REQUEST', {
      message: 'This idempotency key was used before, with another request',
    });
  }
  return { replayed: true, status: record.status, body: parseBody(record.body) };
};

/** Whether a request with the key was answered and is remembered. Nothing is held: another one may be answered right now. */
export const isKeyKnown = async <Schema>(
  executor: Kysely<Schema>,
  { scope, key, clock }: Pick<IdempotentInput<Schema>, 'scope' | 'key' | 'clock'>,
): Promise<boolean> => {
  const found = await sql`
    select 1 from idempotency_records where scope = ${scope} and key = ${key} and expires_at > ${clock.now()}`.execute(
    executor,
  );
  return found.rows.length > 0;
};
