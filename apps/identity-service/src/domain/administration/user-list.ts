import type { listUsersQuery } from '@switchboard/contracts';
import { escapePattern, patternOf } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Executor } from '../database.ts';
import { type UserRecord, userColumns } from '../users/user-repository.ts';

type Filter = Omit<z.output<typeof listUsersQuery>, 'limit' | 'cursor'>;

/** Searches find no more than so many by the beginning of an address, and by its middle among so many of the newest. */
const SEARCH_USERS_MAX = 10_000;

const idsThatMatch = (search: string) => {
  const term = search.normalize('NFC').toLowerCase();
  return sql`
    (SELECT id FROM identity.users WHERE email LIKE ${`${escapePattern(term)}%`} LIMIT ${SEARCH_USERS_MAX})
    UNION
    (SELECT id FROM (
      SELECT id, email FROM identity.users ORDER BY created_at DESC, id DESC LIMIT ${SEARCH_USERS_MAX}
    ) AS newest WHERE email LIKE ${patternOf(term)})`;
};

/** Users newest first, one more than `limit` when there are more. */
export const listUsers = async (
  executor: Executor,
  { search, role, disabled, origin }: Filter,
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly UserRecord[]> => {
  const { limit, after } = page;
  const conditions = [
    search === undefined ? null : sql`id IN (${idsThatMatch(search)})`,
    role === undefined ? null : sql`role = ${role}`,
    disabled === undefined ? null : sql`disabled_at IS ${disabled ? sql`NOT NULL` : sql`NULL`}`,
    origin === undefined ? null : sql`origin = ${origin}`,
    after === null ? null : sql`(created_at, id) < (${after.createdAt}, ${after.id})`,
  ].filter((condition) => condition !== null);
  const where = conditions.length === 0 ? sql`true` : sql.join(conditions, sql` AND `);
  const found = await sql<UserRecord>`
    SELECT ${userColumns} FROM identity.users WHERE ${where}
    ORDER BY created_at DESC, id DESC LIMIT ${limit + 1}`.execute(executor);
  return found.rows;
};
