import { type AttachmentView, ticketRoutes } from '@switchboard/contracts';
import type { Deps } from '../../deps.ts';
import type { Attachment } from './attachment-repository.ts';

export const attachmentView = (row: Attachment): AttachmentView => ({
  id: row.id,
  file_name: row.file_name,
  content_type: row.content_type,
  size_bytes: Number(row.size_bytes),
  sha256: row.sha256,
  created_at: row.created_at.toISOString(),
});

/** What is signed, and where the file is. */
export const contentPath = (id: string): string =>
  ticketRoutes.getAttachmentContent.path.replace(':attachment_id', id);

/** With an address that is good from now on: it is made anew for every answer, and stored nowhere. */
export const withUrl = ({ data, fileUrls }: Pick<Deps, 'data' | 'fileUrls'>, view: AttachmentView) => {
  const { url, expiresAt } = fileUrls.sign(contentPath(view.id), data.clock.now());
  return { ...view, url, url_expires_at: expiresAt.toISOString() };
};
