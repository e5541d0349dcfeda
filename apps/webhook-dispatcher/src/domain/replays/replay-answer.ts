import type { ReplayAnswer } from '@switchboard/contracts';
import type { Replay, ReplayFilter } from './types.ts';

/** A replay as the administration API shows it. */
export const replayAnswer = (replay: Replay): ReplayAnswer => ({
  id: replay.id,
  kind: replay.kind,
  status: replay.status,
  filter: replay.filter as Partial<ReplayFilter>,
  rate_per_second: replay.rate_per_second,
  total: replay.total,
  scheduled: replay.scheduled,
  successful: replay.successful,
  failed: replay.failed,
  skipped: replay.skipped,
  created_by: replay.created_by,
  created_at: replay.created_at.toISOString(),
  finished_at: replay.finished_at?.toISOString() ?? null,
});
