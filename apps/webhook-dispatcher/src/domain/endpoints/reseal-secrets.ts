import type { Log } from '@switchboard/bus';
import type { SecretBox } from '@switchboard/service-kit';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';
import { signingKeyContext } from '../signing/signing-keys.ts';
import { headersContext, secretContext } from './endpoint-secrets.ts';

const ROWS_PER_BATCH = 500;
const BEFORE_ALL_IDS = '00000000-0000-0000-0000-000000000000';

interface SealedRow {
  readonly id: string;
  readonly sealed: string;
  /** Of a secret: the endpoint's. */
  readonly owner_id: string;
}

/** A column of sealed texts. */
interface Place {
  readonly words: string;
  readonly table: RawBuilder<unknown>;
  readonly column: RawBuilder<unknown>;
  readonly ownerId: RawBuilder<unknown>;
  readonly context: (ownerId: string) => string;
}

const PLACES: readonly Place[] = [
  {
    words: 'secrets of endpoints',
    table: sql`webhook_endpoint_secrets`,
    column: sql`secret_sealed`,
    ownerId: sql`endpoint_id`,
    context: secretContext,
  },
  {
    words: 'headers of endpoints',
    table: sql`webhook_endpoints`,
    column: sql`headers_sealed`,
    ownerId: sql`id`,
    context: headersContext,
  },
  {
    words: 'signing keys',
    table: sql`webhook_signing_keys`,
    column: sql`private_key_sealed`,
    ownerId: sql`id`,
    context: signingKeyContext,
  },
];

const readBatch = async (
  executor: Executor,
  { table, column, ownerId }: Place,
  afterId: string,
): Promise<readonly SealedRow[]> => {
  const { rows } = await sql<SealedRow>`
    SELECT id, ${column} AS sealed, ${ownerId} AS owner_id FROM ${table}
    WHERE id > ${afterId}::uuid AND ${column} IS NOT NULL ORDER BY id LIMIT ${ROWS_PER_BATCH}`.execute(
    executor,
  );
  return rows;
};

/** Null: no configured key opens it. */
const sealAnew = (box: SecretBox, sealed: string, context: string): string | null => {
  let plain: string;
  try {
    plain = box.open(sealed, context);
  } catch {
    return null;
  }
  return box.seal(plain, context);
};

/** Not over what somebody wrote meanwhile. */
const write = async (executor: Executor, { table, column }: Place, row: SealedRow, sealed: string) => {
  await sql`UPDATE ${table} SET ${column} = ${sealed} WHERE id = ${row.id} AND ${column} = ${row.sealed}`.execute(
    executor,
  );
};

export interface Resealed {
  readonly resealed: number;
  /** What no configured key opens. */
  readonly unreadable: number;
}

const resealPlace = async (
  { db, box, log }: { readonly db: Executor; readonly box: SecretBox; readonly log: Log },
  place: Place,
  signal: AbortSignal,
): Promise<Resealed> => {
  let resealed = 0;
  const unreadable: string[] = [];
  for (let afterId = BEFORE_ALL_IDS; !signal.aborted; ) {
    const rows = await readBatch(db, place, afterId);
    for (const row of rows.filter(({ sealed }) => !box.isCurrent(sealed))) {
      const sealed = sealAnew(box, row.sealed, place.context(row.owner_id));
      if (sealed === null) unreadable.push(row.owner_id);
      else {
        await write(db, place, row, sealed);
        resealed += 1;
      }
    }
    const last = rows.at(-1);
    if (!last || rows.length < ROWS_PER_BATCH) break;
    afterId = last.id;
  }
  if (unreadable.length > 0) {
    log.error(
      { count: unreadable.length, ids: unreadable.slice(0, 20) },
      `Some ${place.words} cannot be decrypted, and what needs them fails: set WEBHOOK_ENCRYPTION_KEY_PREVIOUS to the key that encrypted them, or make them anew`,
    );
  }
  return { resealed, unreadable: unreadable.length };
};

/**
 * Encrypts with the current WEBHOOK_ENCRYPTION_KEY what the one before encrypted, so that the one before can be dropped. What
 * no key opens is said in the log, and left as it is: the key may still be found.
 */
export const resealSecrets = async (
  deps: { readonly db: Executor; readonly box: SecretBox; readonly log: Log },
  signal: AbortSignal,
): Promise<Resealed> => {
  const total = { resealed: 0, unreadable: 0 };
  for (const place of PLACES) {
    const { resealed, unreadable } = await resealPlace(deps, place, signal);
    total.resealed += resealed;
    total.unreadable += unreadable;
  }
  return total;
};
