import type { AdminAct, auditEntryAnswer, listAuditLogQuery } from '@switchboard/contracts';
import { toJson } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Executor } from '../database.ts';

/** Keeps an act; id and time are the event's, so that one that comes again is the same row. */
export const insertAct = async (
  executor: Executor,
  act: AdminAct & { readonly id: string; readonly at: string; readonly service: string },
): Promise<void> => {
  const { actor, target } = act;
  const json = (value: Record<string, unknown> | null) => (value === null ? null : toJson(value));
  await sql`
    INSERT INTO identity.audit_log (id, at, service, action, actor_user_id, actor_email, actor_role, target_type,
      target_id, target_name, before, after, ip, user_agent, request_id)
    VALUES (${act.id}, ${act.at}, ${act.service}, ${act.action}, ${actor?.user_id ?? null}, ${actor?.email ?? null},
      ${actor?.role ?? null}, ${target.type}, ${target.id}, ${target.name}, ${json(act.before)}, ${json(act.after)},
      ${act.ip}, ${act.user_agent}, ${act.request_id})
    ON CONFLICT (id) DO NOTHING
  `.execute(executor);
};

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly service: string;
  readonly action: string;
  readonly actorUserId: string | null;
  readonly actorEmail: string | null;
  readonly actorRole: string | null;
  readonly targetType: string;
  readonly targetId: string;
  readonly targetName: string | null;
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
}

type Filter = Omit<z.output<typeof listAuditLogQuery>, 'limit' | 'cursor'>;

/** Acts newest first, one more than `limit` when there are more. Every filter has its index. */
export const listActs = async (
  executor: Executor,
  filter: Filter,
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly AuditEntry[]> => {
  const { limit, after } = page;
  const conditions = [
    filter.actor === undefined ? null : sql`actor_user_id = ${filter.actor}`,
    filter.action === undefined ? null : sql`action = ${filter.action}`,
    filter.target_type === undefined ? null : sql`target_type = ${filter.target_type}`,
    filter.target_id === undefined ? null : sql`target_id = ${filter.target_id}`,
    filter.service === undefined ? null : sql`service = ${filter.service}`,
    filter.from === undefined ? null : sql`at >= ${new Date(filter.from)}`,
    filter.to === undefined ? null : sql`at < ${new Date(filter.to)}`,
    after === null ? null : sql`(at, id) < (${after.createdAt}, ${after.id})`,
  ].filter((condition) => condition !== null);
  const found = await sql<AuditEntry>`
    SELECT id, at, service, action, actor_user_id AS "actorUserId", actor_email AS "actorEmail",
      actor_role AS "actorRole", target_type AS "targetType", target_id AS "targetId", target_name AS "targetName",
      before, after, ip, user_agent AS "userAgent", request_id AS "requestId"
    FROM identity.audit_log
    WHERE ${conditions.length === 0 ? sql`true` : sql.join(conditions, sql` AND `)}
    ORDER BY at DESC, id DESC LIMIT ${limit + 1}
  `.execute(executor);
  return found.rows;
};

export const auditEntry = (entry: AuditEntry): z.input<typeof auditEntryAnswer> => ({
  id: entry.id,
  at: entry.at.toISOString(),
  service: entry.service,
  action: entry.action,
  actor:
    entry.actorUserId === null
      ? null
      : { user_id: entry.actorUserId, email: entry.actorEmail, role: entry.actorRole },
  target: { type: entry.targetType, id: entry.targetId, name: entry.targetName },
  before: entry.before,
  after: entry.after,
  ip: entry.ip,
  user_agent: entry.userAgent,
  request_id: entry.requestId,
});
