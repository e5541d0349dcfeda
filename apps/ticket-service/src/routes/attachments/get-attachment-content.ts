import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import type { Downloads } from '../../domain/attachments/downloads.ts';
import { contentDispositionOf } from '../../domain/attachments/file-name.ts';
import { openAttachment } from '../../domain/attachments/open-attachment.ts';
import { readerOf } from '../../domain/attachments/reader.ts';

/** Strangers made these files: no browser runs one, shows it as a page of ours, or keeps it. */
const GUARDS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'private, no-store',
} as const;

export const getAttachmentContent = (app: FastifyInstance, deps: Deps, downloads: Downloads): void =>
  implement(app, ticketRoutes.getAttachmentContent, async ({ params, query, reply }) => {
    const request = { id: params.attachment_id, ...query, reader: readerOf(reply.raw) };
    const { attachment, object } = await openAttachment({ ...deps, downloads }, request);
    return {
      status: 200,
      headers: {
        ...GUARDS,
        'content-type': attachment.content_type,
        'content-length': String(object.sizeBytes),
        'content-disposition': contentDispositionOf(attachment.file_name),
      },
      body: object.body,
    };
  });
