import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { staffCommentView } from '../../domain/comments/comment-answer.ts';
import { listComments } from '../../domain/comments/list-comments.ts';

export const getStaffComments = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketStaffRoutes.listComments, async ({ params, query }) => {
    const page = await listComments(
      data.db,
      { ticketId: params.ticket_id },
      { withInternal: true, limit: query.limit, cursor: query.cursor },
    );
    return {
      status: 200,
      body: { comments: page.comments.map(staffCommentView), next_cursor: page.nextCursor },
    };
  });
