import type { Bus } from '@switchboard/bus';
import { AppError, type callRpcs, type Principal } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Data, Executor } from '../database.ts';
import { tellUse } from '../tickets/tell-use.ts';
import { isCallTopic, mayFollow } from './accounts.ts';
import { findFollowable } from './call-repository.ts';
import { type FollowedRow, readFramesAfter } from './frame-repository.ts';
import { frameText } from './frames.ts';

type Question = z.output<typeof callRpcs.follow.request>;
type Page = z.input<typeof callRpcs.follow.reply>;

/** Of a page as it travels: as text in JSON. A message of NATS has at most a megabyte. */
const PAGE_BYTES_MAX = 512 * 1024;

const toPage = (id: string, rows: readonly FollowedRow[]): Page['frames'] => {
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
  const call = isCallTopic(id) ? await findFollowable(executor, id) : undefined;
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
  const { id, since, principal } = question;
  const ticketId = principal.kind === 'ticket' ? principal.ticket_id : null;
  const wanted = { callId: id, since, ticketId, bytesMax: PAGE_BYTES_MAX };
  const rows = isCallTopic(id) ? await readFramesAfter(data.db, wanted) : [];
  const [call] = rows;
  if (!call || !mayFollow(principal, { id, account_id: call.account_id }))
    throw new AppError('CALL_NOT_FOUND');
  if (principal.kind === 'ticket' && call.ticket_uses !== null && call.ticket_uses > principal.use) {
    tellUse(bus, id, principal.ticket_id, call.ticket_uses);
  }
  return { frames: toPage(id, rows), last_sequence: call.last_sequence, is_final: call.is_over };
};
