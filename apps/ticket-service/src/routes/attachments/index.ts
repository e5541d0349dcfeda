import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getStaffAttachments } from '../staff/list-attachments.ts';
import { postAttachment } from './add-attachment.ts';
import { getAttachmentContent } from './get-attachment-content.ts';
import { getAttachments } from './list-attachments.ts';

/** The files of tickets. */
export const attachmentRoutes = (app: FastifyInstance, deps: Deps): void => {
  postAttachment(app, deps);
  getAttachments(app, deps);
  getAttachmentContent(app, deps);
  getStaffAttachments(app, deps);
};
