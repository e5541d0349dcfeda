import type { Bus } from '@switchboard/bus';
import { AppError, type callRpcs, FRAMES_PER_PAGE, type Principal } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Data, Executor } from '../database.ts';
import { tellUse } from '../tickets/tell-use.ts';
import { isCallTopic, mayFollow } from './accounts.ts';
import { frameText, type StoredFrame } from './frames.ts';

type Question = z.output<typeof callRpcs.follow.request>;
type Page = z.input<typeof callRpcs.follow.reply>;

/** Of a page as it travels: as text in JSON. A message of NATS has at most a megabyte. */
const PAGE_BYTES_MAX = 512 * 1024;

interface Row {
  readonly account_id: string;
  readonly last_sequence: number;
  readonly is_over: boolean;
  /** Of the ticket of whoever asks; null when it is no ticket, or one that is kept no longer. */
  readonly ticket_uses: number | null;
  /** These are null in the one row of a call that has no frame after `since`. */
  readonly sequence: number | null;
  readonly type: StoredFrame['type'];
  readonly data: StoredFrame['data'];
  readonly at: Date;
}

/** The call with its frames after `since`, as of one moment: what says that it is over has the last frame beside it. */
const readPage = async (executor: Executor, { id, since, principal }: Question): Promise<readonly Row[]> => {
  const ticketId = principal.kind === 'ticket' ? principal.ticket_id : null;
  const read = await sql<Row>`
    SELECT c.account_id, c.last_sequence, c.ended_at IS NOT NULL AS is_over,
      (SELECT uses FROM calls.call_tickets WHERE id = ${ticketId}::uuid) AS ticket_uses,
      f.sequence, f.type, f.data, f.at
    FROM calls.calls c LEFT JOIN LATERAL (
      SELECT page.* FROM (
        SELECT sequence, type, data, at,
          sum(octet_length(data::text)) OVER (ORDER BY sequence) - octet_length(data::text) AS bytes_before
        FROM calls.call_frames WHERE call_id = c.id AND sequence > ${since}
        ORDER BY sequence LIMIT ${FRAMES_PER_PAGE}
      ) page WHERE bytes_before < ${PAGE_BYTES_MAX}
    ) f ON true
    WHERE c.id = ${id} ORDER BY f.sequence`.execute(executor);
  return read.rows;
};

const toPage = (id: string, rows: readonly Row[]): Page['frames'] => {
  const frames: Page['frames'] = [];
  let bytes = 0;
  for (const { sequence, type, data, at } of rows) {
    if (sequence === null) break;
    const text = frameText({ callId: id, sequence, type, data, at });
    bytes += Buffer.byteLength(JSON.stringify(text));
    if (frames.length > 0 && bytes > PAGE_BYTES_MAX) break;
    frames.push({ sequence, text });
  }
  return frames;
};

/** A call that somebody may follow. Throws CALL_NOT_FOUND. */
export const findFollowed = async (executor: Executor, principal: Principal, id: string) => {
  const call = isCallTopic(id)
    ? await executor.selectFrom('calls').select(['id', 'account_id']).where('id', '=', id).executeTakeFirst()
    : undefined;
  if (!call || !mayFollow(principal, call)) throw new AppError('CALL_NOT_FOUND');
  return call;
};

/**
 * What happened to a call after a sequence, a page at a time. Whoever asks by a ticket that was used again since is answered,
 * and its gateway told once more: it may not have listened yet when the later use was told, and two would stay connected.
 *
 * @throws CALL_NOT_FOUND, for whoever may not see it just the same
 */
export const followCall = async (
  { data, bus }: { readonly data: Pick<Data, 'db'>; readonly bus: Pick<Bus, 'publishNow'> },
  question: Question,
): Promise<Page> => {
  const { id, principal } = question;
  const rows = isCallTopic(id) ? await readPage(data.db, question) : [];
  const [call] = rows;
  if (!call || !mayFollow(principal, { id, account_id: call.account_id }))
    throw new AppError('CALL_NOT_FOUND');
  if (principal.kind === 'ticket' && call.ticket_uses !== null && call.ticket_uses > principal.use) {
    tellUse(bus, id, principal.ticket_id, call.ticket_uses);
  }
  return { frames: toPage(id, rows), last_sequence: call.last_sequence, is_final: call.is_over };
};
