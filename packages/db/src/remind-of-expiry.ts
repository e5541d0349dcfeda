import type { EventContract, expiringSchema } from '@switchboard/contracts';
import { type RawBuilder, sql } from 'kysely';
import type { DataContext } from './context.ts';
import type { SchemaName } from './schemas/index.ts';
import { type Tools, transact } from './transact.ts';

const ROWS_PER_TRANSACTION = 100;
const DAY_MS = 86_400_000;
const REMINDER_DAYS = [30, 7, 1] as const;

type DaysLeft = (typeof REMINDER_DAYS)[number];

/** The reminder that is due, of the days before `expiresAt`: the nearest to the end; null while none is. */
export const dueReminder = (expiresAt: Date, now: Date): DaysLeft | null => {
  const leftMs = expiresAt.getTime() - now.getTime();
  return REMINDER_DAYS.findLast((days) => leftMs <= days * DAY_MS) ?? null;
};

/** Credentials of a table that has `id`, `expires_at` and `reminded_days_left`. */
export interface ExpiringCredentials {
  /** With its schema: `identity.api_keys`. */
  readonly table: string;
  /** The column with what people call it. */
  readonly name: string;
  /** The column with the user to tell. */
  readonly owner: string;
  /** Which ones are still good, but for their expiry. */
  readonly isLive: RawBuilder<unknown>;
  /** Who that is where the column holds others than users too; default: whoever stands there. */
  readonly ownerOf?: (owner: string | null) => string | null;
}

interface ExpiringRow {
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  readonly expiresAt: Date;
}

/** Rows with a reminder that is due and was not given; those that another replica reminds of are left out. */
const lockUnreminded = async <Name extends SchemaName>(
  trx: Tools<Name>['trx'],
  { table, name, owner, isLive }: ExpiringCredentials,
  now: Date,
): Promise<readonly ExpiringRow[]> => {
  const within = (days: number) => new Date(now.getTime() + days * DAY_MS);
  const due = REMINDER_DAYS.map(
    (days) =>
      sql`(expires_at <= ${within(days)} AND (reminded_days_left IS NULL OR reminded_days_left > ${days}))`,
  );
  const found = await sql<ExpiringRow>`
    SELECT id, ${sql.ref(name)} AS name, ${sql.ref(owner)} AS owner, expires_at AS "expiresAt"
    FROM ${sql.table(table)}
    WHERE ${isLive} AND expires_at > ${now} AND expires_at <= ${within(REMINDER_DAYS[0])}
      AND (${sql.join(due, sql` OR `)})
    ORDER BY expires_at LIMIT ${ROWS_PER_TRANSACTION}
    FOR UPDATE SKIP LOCKED`.execute(trx);
  return found.rows;
};

/**
 * Says of credentials that end by themselves in 30, 7 or 1 days that they do, once each: what was said is kept in the
 * transaction of the event. A reminder that was missed is not made good: whoever has six days left has no use for
 * being told of thirty. Gives how many.
 */
export const remindOfExpiry = async <Name extends SchemaName>(
  data: DataContext<Name>,
  event: EventContract<typeof expiringSchema>,
  credentials: ExpiringCredentials,
  signal?: AbortSignal,
): Promise<number> => {
  const { table, ownerOf = (owner) => owner } = credentials;
  const remindBatch = () =>
    transact(data, async ({ trx, emit }) => {
      const now = data.clock.now();
      const rows = await lockUnreminded<Name>(trx, credentials, now);
      for (const { id, name, owner, expiresAt } of rows) {
        const daysLeft = dueReminder(expiresAt, now);
        if (daysLeft === null) continue;
        await sql`UPDATE ${sql.table(table)} SET reminded_days_left = ${daysLeft} WHERE id = ${id}`.execute(
          trx,
        );
        emit(event, {
          id,
          name,
          owner_user_id: ownerOf(owner),
          expires_at: expiresAt.toISOString(),
          days_left: daysLeft,
        });
      }
      return rows.length;
    });
  let reminded = 0;
  while (signal?.aborted !== true) {
    const batch = await remindBatch();
    reminded += batch;
    if (batch < ROWS_PER_TRANSACTION) break;
  }
  return reminded;
};
