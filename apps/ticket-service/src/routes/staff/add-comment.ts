import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { actorOf } from '../../domain/access/run-once.ts';
import { addComment } from '../../domain/comments/add-comment.ts';
import { staffCommentView } from '../../domain/comments/comment-answer.ts';

const route = ticketStaffRoutes.addComment;

export const postStaffComment = (app: FastifyInstance, deps: Deps): void =>
  implement(app, route, async ({ params, principal, body: input, idempotencyKey }) => {
    const { body, replayed } = await addComment(deps, {
      ticket: { ticketId: params.ticket_id },
      actor: actorOf(principal),
      content: input.content,
      isInternal: input.is_internal ?? false,
      once: { routeId: route.id, key: idempotencyKey, status: 201, schema: route.responses[201].schema },
      answer: (comment) => ({ comment: staffCommentView(comment) }),
    });
    return { status: 201, headers: replayHeaders(replayed), body };
  });
