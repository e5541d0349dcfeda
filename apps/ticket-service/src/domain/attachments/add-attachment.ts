import { createHash } from 'node:crypto';
import {
  AppError,
  ATTACHMENT_BYTES_MAX,
  type AttachmentView,
  attachmentSchema,
  errors,
  ticketRoutes,
} from '@switchboard/contracts';
import { type IdempotentAnswer, idempotent, isKeyKnown } from '@switchboard/db';
import { hashRequest } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { requireBytes } from '../feed/stored-bytes.ts';
import { changeTicket, changeTickets } from '../tickets/change-ticket.ts';
import { findTicket, lockTicket, type TicketKey } from '../tickets/ticket-repository.ts';
import type { Actor, TicketTools } from '../tickets/types.ts';
import { attachmentView } from './attachment-answer.ts';
import { countStored, insertAttachment, markStored } from './attachment-repository.ts';
import { contentKindOf } from './content-kind.ts';
import { toFileName } from './file-name.ts';
import { COMMIT_MS_MAX, dropPending } from './remove-pending.ts';

const ATTACHMENTS_MAX = 50;

export interface AddAttachmentRequest extends TicketKey {
  readonly actor: Actor;
  readonly bytes: Uint8Array;
  /** What its sender said of it. */
  readonly fileName: string | undefined;
  readonly contentType: string | undefined;
  readonly idempotencyKey: string | undefined;
}

type AddDeps = Pick<Deps, 'config' | 'data' | 'sla' | 'feeds' | 'storage'>;

const scopeOf = ({ id }: Actor): string => `${id}:${ticketRoutes.addAttachment.id}`;

const requireRoom = async (executor: Executor, ticketId: string): Promise<void> => {
  if ((await countStored(executor, ticketId)) < ATTACHMENTS_MAX) return;
  throw new AppError('TOO_MANY', { message: `A ticket has at most ${ATTACHMENTS_MAX} attachments` });
};

/** The rest, once the bytes are stored: the row is an attachment, and the ticket has changed. */
const attach = async (
  deps: AddDeps,
  tools: TicketTools,
  { actor, ticketId, tokenId }: AddAttachmentRequest,
  id: string,
): Promise<AttachmentView> => {
  // Whoever holds the ticket counts alone.
  await lockTicket(tools.trx, { ticketId, tokenId });
  await requireRoom(tools.trx, ticketId);
  const latest = new Date(deps.data.clock.now().getTime() - COMMIT_MS_MAX);
  const view = attachmentView(await markStored(tools.trx, id, latest));
  await changeTicket(deps, tools, {
    ticketId,
    tokenId,
    actor,
    decide: () => [
      {
        set: {},
        type: 'attached',
        details: { attachment_id: id },
        outside: { type: 'ticket.updated', data: { changed: ['attachments'], attachment: view } },
      },
    ],
  });
  return view;
};

/**
 * Attaches a file. First there is a pending row, then the bytes, then the attachment with its change, in one transaction with
 * the record of the idempotency key. Whoever dies in between leaves a pending row, which is removed later, bytes first: there is
 * no attachment without bytes, and nothing is stored that has no row.
 *
 * @throws TICKET_NOT_FOUND, INVALID_INPUT, TOO_MANY, PAYLOAD_TOO_LARGE, DUPLICATE_REQUEST, SERVICE_UNAVAILABLE while
 * nothing can be stored
 */
export const addAttachment = async (
  deps: AddDeps,
  request: AddAttachmentRequest,
): Promise<IdempotentAnswer<AttachmentView>> => {
  const { data, storage } = deps;
  const { ticketId, tokenId, actor, bytes, idempotencyKey } = request;
  const ticket = await findTicket(data.db, { ticketId, tokenId });
  if (bytes.length > ATTACHMENT_BYTES_MAX) throw errors.payloadTooLarge(ATTACHMENT_BYTES_MAX);
  const fileName = toFileName(request.fileName);
  const contentType = await contentKindOf(bytes, { fileName, contentType: request.contentType });
  // What comes again with its key is answered as before, though the ticket or the token may be full since.
  const isRepeated =
    idempotencyKey !== undefined &&
    (await isKeyKnown(data.db, { scope: scopeOf(actor), key: idempotencyKey, clock: data.clock }));
  if (!isRepeated) {
    await requireRoom(data.db, ticket.id);
    if (ticket.token_id) await requireBytes(deps, data.db, ticket.token_id, bytes.length);
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const id = data.ids.next();
  const storageKey = `tickets/${ticket.id}/${id}`;
  await insertAttachment(data.db, {
    id,
    ticket_id: ticket.id,
    status: 'pending',
    storage_key: storageKey,
    file_name: fileName,
    content_type: contentType,
    size_bytes: bytes.length,
    sha256,
    uploader_kind: actor.kind,
    uploader_id: actor.id,
    created_at: data.clock.now(),
  });
  // What fails here may be stored all the same, later: its row stays until that is over.
  await storage.put(storageKey, bytes, { contentType }).catch((cause: unknown) => {
    throw new AppError('SERVICE_UNAVAILABLE', {
      message: 'Files cannot be stored right now: send it again in a moment',
      cause,
    });
  });
  let isAttached = false;
  try {
    const answer = await changeTickets(deps, async (tools): Promise<IdempotentAnswer<AttachmentView>> => {
      const run = async () => ({ status: 201, body: await attach(deps, tools, request, id) });
      if (idempotencyKey === undefined) return { replayed: false, ...(await run()) };
      return idempotent(
        {
          trx: tools.trx,
          clock: data.clock,
          scope: scopeOf(actor),
          key: idempotencyKey,
          requestHash: hashRequest({ ticket_id: ticket.id, file_name: fileName, sha256 }),
        },
        run,
        (stored) => attachmentSchema.parse(stored),
      );
    });
    isAttached = !answer.replayed;
    return answer;
  } finally {
    // When this fails too, the repeated task does it.
    if (!isAttached) await dropPending(deps, id).catch(() => undefined);
  }
};
