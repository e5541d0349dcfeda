import { sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';

/**
 * Says that this dispatcher lives, removes those that were not seen for long, and gives the ids of all that live, in
 * order. By the clock of Postgres: it is one, and a dispatcher whose own is off is not taken for dead.
 */
export const beat = async (
  executor: Executor,
  { id, deadAfterMs, keptMs }: { readonly id: string; readonly deadAfterMs: number; readonly keptMs: number },
): Promise<readonly string[]> => {
  await sql`
    INSERT INTO webhook_dispatchers (id, started_at, seen_at) VALUES (${id}, now(), now())
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`.execute(executor);
  await sql`
    DELETE FROM webhook_dispatchers WHERE seen_at < now() - ${keptMs}::int * interval '1 millisecond'`.execute(
    executor,
  );
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM webhook_dispatchers
    WHERE seen_at >= now() - ${deadAfterMs}::int * interval '1 millisecond' ORDER BY id COLLATE "C"`.execute(
    executor,
  );
  return rows.map((row) => row.id);
};

export const leave = async (executor: Executor, id: string): Promise<void> => {
  await sql`DELETE FROM webhook_dispatchers WHERE id = ${id}`.execute(executor);
};
