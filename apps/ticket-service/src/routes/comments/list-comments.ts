import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { commentView } from '../../domain/comments/comment-answer.ts';
import { listComments } from '../../domain/comments/list-comments.ts';

export const getComments = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketRoutes.listComments, async ({ params, principal, query }) => {
    const key = { ticketId: params.ticket_id, tokenId: principal.token_id };
    const page = await listComments(data.db, key, {
      withInternal: false,
      limit: query.limit,
      cursor: query.cursor,
    });
    return { status: 200, body: { comments: page.comments.map(commentView), next_cursor: page.nextCursor } };
  });
