import type { DeliveryStatus } from '@switchboard/contracts';
import { type RawBuilder, sql } from 'kysely';
import type { Profile } from './types.ts';

/** Which deliveries are looked for; null: any. */
export interface Narrowing {
  readonly status: DeliveryStatus | null;
  readonly endpointId: string | null;
  readonly owner: string | null;
  readonly eventType: string | null;
  readonly messageId: string | null;
  readonly profile?: Profile;
  /** When they were accepted: from, and up to but without. */
  readonly from: Date | null;
  readonly to: Date | null;
}

export const all = (conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` AND `);

const isUndelivered = (status: DeliveryStatus | null) => status === 'held' || status === 'exhausted';

/** Statuses as literals: the planner takes a partial index only for what it can read. */
const statusIs = (status: DeliveryStatus) => sql`d.status = ${sql.lit(status)}`;

const rangeOf = ({ from, to }: Narrowing): RawBuilder<unknown>[] => [
  ...(from ? [sql`d.created_at >= ${from}::timestamptz`] : []),
  ...(to ? [sql`d.created_at < ${to}::timestamptz`] : []),
];

/**
 * As much of it as one index of migration 003 answers in the order of `(created_at, id)`. Whoever looks for the rest
 * reads past what does not fit, and has to say how far: with this the number of rows looked at is known beforehand,
 * whatever the planner thinks of it.
 */
export const narrowByIndex = (wanted: Narrowing): readonly RawBuilder<unknown>[] => {
  const { status, endpointId, owner, eventType, messageId } = wanted;
  if (messageId !== null) return [sql`d.message_id = ${messageId}`];
  const range = rangeOf(wanted);
  if (status !== null && isUndelivered(status)) range.push(statusIs(status));
  if (endpointId !== null) return [sql`d.endpoint_id = ${endpointId}`, ...range];
  if (owner !== null) return [sql`d.owner = ${owner}`, ...range];
  if (status === 'pending') return [statusIs(status), ...range];
  if (eventType !== null && !isUndelivered(status)) return [sql`d.event_type = ${eventType}`, ...range];
  return range;
};

/** All of it. */
export const narrow = (wanted: Narrowing): readonly RawBuilder<unknown>[] => [
  ...rangeOf(wanted),
  ...(wanted.status ? [statusIs(wanted.status)] : []),
  ...(wanted.endpointId ? [sql`d.endpoint_id = ${wanted.endpointId}`] : []),
  ...(wanted.owner ? [sql`d.owner = ${wanted.owner}`] : []),
  ...(wanted.eventType ? [sql`d.event_type = ${wanted.eventType}`] : []),
  ...(wanted.profile ? [sql`d.profile = ${wanted.profile}`] : []),
  ...(wanted.messageId ? [sql`d.message_id = ${wanted.messageId}`] : []),
];
