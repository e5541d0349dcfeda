import { AUDIO_CHUNK_BYTES, type Environment } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { Recording } from './read-audio.ts';

/** A recording as the columns of `job_audio`, where it is kept until its job is over. */
export const recordingColumns = (recording: Recording) => {
  if (recording.source === 'url') {
    return { url: recording.url, content: null, bytes: null, sha256: null, kind: null };
  }
  const { buffer, byteOffset, byteLength } = recording.content;
  return {
    url: null,
    // A view, not a copy: the driver sends a Buffer as it is.
    content: Buffer.from(buffer, byteOffset, byteLength),
    bytes: byteLength,
    sha256: recording.sha256,
    kind: recording.kind,
  };
};

export const deleteRecording = async (executor: Executor, jobId: string): Promise<void> => {
  await sql`DELETE FROM partner.job_audio WHERE job_id = ${jobId}`.execute(executor);
};

interface StoredRow {
  readonly url: string | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
  readonly environment: Environment;
}

export type RecordingPlace =
  | { readonly kind: 'stored'; readonly bytes: number; readonly sha256: string }
  | { readonly kind: 'url'; readonly url: string; readonly environment: Environment };

/** Where the recording of an open job is; null when the job is over or unknown. */
export const findRecording = async (executor: Executor, jobId: string): Promise<RecordingPlace | null> => {
  const found = await sql<StoredRow>`
    SELECT a.url, a.content_bytes AS bytes, a.content_sha256 AS sha256, a.environment
    FROM partner.job_audio a JOIN partner.async_jobs j ON j.id = a.job_id
    WHERE a.job_id = ${jobId} AND j.status IN ('queued', 'processing')
  `.execute(executor);
  const [row] = found.rows;
  if (!row) return null;
  if (row.url !== null) return { kind: 'url', url: row.url, environment: row.environment };
  if (row.bytes === null || row.sha256 === null) return null;
  return { kind: 'stored', bytes: row.bytes, sha256: row.sha256 };
};

/** A piece of a recording, at most AUDIO_CHUNK_BYTES; empty past its end and when it is gone. */
export const readRecordingChunk = async (
  executor: Executor,
  jobId: string,
  offset: number,
): Promise<Buffer> => {
  const found = await sql<{ chunk: Buffer }>`
    SELECT substring(content FROM ${offset + 1}::integer FOR ${AUDIO_CHUNK_BYTES}::integer) AS chunk
    FROM partner.job_audio
    WHERE job_id = ${jobId} AND content IS NOT NULL AND content_bytes > ${offset}
  `.execute(executor);
  return found.rows[0]?.chunk ?? Buffer.alloc(0);
};
