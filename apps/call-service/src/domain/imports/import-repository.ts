import { toJson } from '@switchboard/db';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { ImportedCall } from './read-imported-call.ts';

/** Stores those whose id is free. Gives the ids that were stored. In one order everywhere, so that two imports never deadlock. */
export const insertImported = async (
  trx: Executor,
  accountId: string,
  calls: readonly ImportedCall[],
): Promise<ReadonlySet<string>> => {
  const column = <Value>(read: (call: ImportedCall) => Value): Value[] => calls.map(read);
  const stored = await sql<{ id: string }>`
    INSERT INTO calls.calls (id, account_id, name, phone, call_type, metadata, source, status, reason, started_at,
      ended_at, duration_seconds, last_sequence)
    SELECT id, ${accountId}::uuid, name, phone, call_type, metadata, 'import', status, reason, started_at, ended_at,
      duration_seconds, last_sequence
    FROM unnest(
      ${column((call) => call.id)}::uuid[],
      ${column((call) => call.name)}::text[],
      ${column((call) => call.phone)}::text[],
      ${column((call) => call.callType)}::text[],
      ${column((call) => toJson(call.metadata))}::json[],
      ${column((call) => call.status)}::text[],
      ${column((call) => call.reason)}::text[],
      ${column((call) => call.startedAt)}::timestamptz[],
      ${column((call) => call.endedAt)}::timestamptz[],
      ${column((call) => call.durationSeconds)}::integer[],
      ${column((call) => call.frames.length)}::integer[]
    ) AS given (id, name, phone, call_type, metadata, status, reason, started_at, ended_at, duration_seconds,
      last_sequence)
    ORDER BY id
    ON CONFLICT (id) DO NOTHING RETURNING id`.execute(trx);
  return new Set(stored.rows.map(({ id }) => id));
};

export const insertImportedFrames = async (trx: Executor, calls: readonly ImportedCall[]): Promise<void> => {
  const frames = calls.flatMap((call) => call.frames.map((frame) => ({ ...frame, callId: call.id })));
  if (frames.length === 0) return;
  await sql`
    INSERT INTO calls.call_frames (call_id, sequence, type, data, at)
    SELECT * FROM unnest(
      ${frames.map((frame) => frame.callId)}::uuid[],
      ${frames.map((frame) => frame.sequence)}::integer[],
      ${frames.map((frame) => frame.type)}::text[],
      ${frames.map((frame) => toJson(frame.data))}::json[],
      ${frames.map((frame) => frame.at)}::timestamptz[]
    )`.execute(trx);
};

/** Which of these ids are calls of the account. */
export const findOwn = async (
  trx: Executor,
  accountId: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  const found = await sql<{ id: string }>`
    SELECT id FROM calls.calls WHERE id = ANY(${[...ids]}::uuid[]) AND account_id = ${accountId}`.execute(
    trx,
  );
  return new Set(found.rows.map(({ id }) => id));
};
