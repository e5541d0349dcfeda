import { sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';

export interface Turn {
  readonly deliveryId: string;
  readonly dueAt: Date;
}

/** Begins the schedule of deliveries anew, for a replay. Whoever calls it has locked them, and knows that none waits for an attempt. */
export const putInLine = async (trx: Executor, replayId: string, turns: readonly Turn[]): Promise<void> => {
  await sql`
    UPDATE webhook_deliveries d
    SET status = 'pending', schedule_step = 0, earlier_attempts = attempt_count, due_at = turn.due_at, finished_at = NULL,
      replay_id = ${replayId}::uuid
    FROM unnest(${turns.map((turn) => turn.deliveryId)}::uuid[], ${turns.map((turn) => turn.dueAt)}::timestamptz[])
      AS turn (id, due_at)
    WHERE d.id = turn.id`.execute(trx);
};
