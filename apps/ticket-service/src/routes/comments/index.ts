import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postComment } from './add-comment.ts';
import { getComments } from './list-comments.ts';

export const commentRoutes = (app: FastifyInstance, deps: Deps): void => {
  postComment(app, deps);
  getComments(app, deps);
};
