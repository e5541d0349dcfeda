import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createDownloads } from '../../domain/attachments/downloads.ts';
import { getStaffAttachments } from '../staff/list-attachments.ts';
import { postAttachment } from './add-attachment.ts';
import { getAttachmentContent } from './get-attachment-content.ts';
import { getAttachments } from './list-attachments.ts';

/** The files of tickets. */
export const attachmentRoutes = (app: FastifyInstance, deps: Deps): void => {
  const { log, metrics } = app.kit;
  const downloads = createDownloads({ log });
  metrics.gauge('downloads', 'Attachments that are being read', () => downloads.underWay);
  postAttachment(app, deps);
  getAttachments(app, deps);
  getAttachmentContent(app, deps, downloads);
  getStaffAttachments(app, deps);
};
