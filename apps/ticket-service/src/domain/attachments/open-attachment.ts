import { AppError } from '@switchboard/contracts';
import type { StoredObject } from '@switchboard/storage';
import type { Deps } from '../../deps.ts';
import { contentPath } from './attachment-answer.ts';
import { type Attachment, findStored } from './attachment-repository.ts';
import type { Downloads } from './downloads.ts';
import type { Reader } from './reader.ts';

export interface SignedRequest {
  readonly id: string;
  readonly expires: string;
  readonly signature: string;
  readonly reader: Reader;
}

type OpenDeps = Pick<Deps, 'data' | 'storage' | 'fileUrls'> & { readonly downloads: Downloads };

/**
 * The file that a signed address opens. What was not signed costs two hashes and no question to the database, and says nothing
 * of whether the file exists. Once the reader is gone, the file is closed.
 *
 * @throws SIGNED_URL_INVALID, SERVICE_UNAVAILABLE while nothing can be read, or too much is
 */
export const openAttachment = async (
  { data, storage, fileUrls, downloads }: OpenDeps,
  { id, reader, ...query }: SignedRequest,
): Promise<{ readonly attachment: Attachment; readonly object: StoredObject }> => {
  if (!fileUrls.verify(contentPath(id), query, data.clock.now())) throw new AppError('SIGNED_URL_INVALID');
  const attachment = await findStored(data.db, id);
  if (!attachment) throw new AppError('SIGNED_URL_INVALID');
  downloads.begin(attachment.token_id, reader);
  const object = await storage.get(attachment.storage_key).catch((cause: unknown) => {
    throw new AppError('SERVICE_UNAVAILABLE', {
      message: 'Files cannot be read right now: try again in a moment',
      cause,
    });
  });
  if (!object)
    throw new Error(`the bytes of attachment ${id} are not in storage: is it the one they were put in?`);
  // Also what has no body (HEAD), and who left before there was one: else it would be read to its end for nobody, or left open.
  if (reader.isGone) object.body.destroy();
  else reader.onGone(() => object.body.destroy());
  return { attachment, object };
};
