import type { IdempotentAnswer } from '@switchboard/db';
import { type OnceInput, runOnce } from '../access/run-once.ts';
import { changeTicket, changeTickets, type Edit } from '../tickets/change-ticket.ts';
import type { TicketKey } from '../tickets/ticket-repository.ts';
import type { Actor, Ticket, TicketDeps } from '../tickets/types.ts';
import { commentView } from './comment-answer.ts';
import { type Comment, insertComment } from './comment-repository.ts';

export interface CommentRequest<Body> {
  readonly ticket: TicketKey;
  readonly actor: Actor;
  readonly content: string;
  readonly isInternal: boolean;
  readonly once: Pick<OnceInput<Body>, 'routeId' | 'key' | 'status' | 'schema'>;
  readonly answer: (comment: Comment) => Body;
}

const editsFor = (before: Ticket, comment: Comment): readonly Edit[] => {
  const isFirstResponse =
    comment.author_kind === 'staff' && !comment.is_internal && !before.first_responded_at;
  return [
    {
      set: isFirstResponse ? { first_responded_at: comment.created_at } : {},
      type: 'commented',
      details: { comment_id: comment.id },
      outside: comment.is_internal
        ? null
        : { type: 'ticket.commented', data: { comment: commentView(comment) } },
    },
  ];
};

/**
 * Says something about a ticket. An internal note stays inside: nobody outside sees that there is one. The first answer of
 * staff ends the clock of the first response.
 *
 * @throws TICKET_NOT_FOUND, DUPLICATE_REQUEST
 */
export const addComment = <Body>(
  deps: TicketDeps,
  { ticket: key, actor, content, isInternal, once, answer }: CommentRequest<Body>,
): Promise<IdempotentAnswer<Body>> =>
  changeTickets(deps, (tools) => {
    const request = { ticket_id: key.ticketId.toLowerCase(), content, is_internal: isInternal };
    return runOnce(deps.data, tools, { ...once, actor, request }, async () => {
      const comments: Comment[] = [];
      await changeTicket(deps, tools, {
        ...key,
        actor,
        decide: (before, now) => {
          const comment: Comment = {
            id: deps.data.ids.next(),
            ticket_id: before.id,
            content,
            is_internal: isInternal,
            author_kind: actor.kind,
            author_id: actor.id,
            author_name: actor.name,
            created_at: now,
          };
          comments.push(comment);
          return editsFor(before, comment);
        },
      });
      const [comment] = comments;
      if (!comment) throw new TypeError('a ticket was changed without a decision');
      await insertComment(tools.trx, comment);
      return answer(comment);
    });
  });
