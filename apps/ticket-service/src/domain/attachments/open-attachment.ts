import { AppError } from '@switchboard/contracts';
import type { StoredObject } from '@switchboard/storage';
import type { Deps } from '../../deps.ts';
import { contentPath } from './attachment-answer.ts';
import { type Attachment, findStored } from './attachment-repository.ts';

export interface SignedRequest {
  readonly id: string;
  readonly expires: string;
  readonly signature: string;
}

/**
 * The file that a signed address opens. What was not signed costs two hashes and no question to the database, and says nothing
 * of whether the file exists.
 *
 * @throws SIGNED_URL_INVALID, SERVICE_UNAVAILABLE while nothing can be read
 */
export const openAttachment = async (
  { data, storage, fileUrls }: Pick<Deps, 'data' | 'storage' | 'fileUrls'>,
  { id, ...query }: SignedRequest,
): Promise<{ readonly attachment: Attachment; readonly object: StoredObject }> => {
  if (!fileUrls.verify(contentPath(id), query, data.clock.now())) throw new AppError('SIGNED_URL_INVALID');
  const attachment = await findStored(data.db, id);
  if (!attachment) throw new AppError('SIGNED_URL_INVALID');
  const object = await storage.get(attachment.storage_key).catch((cause: unknown) => {
    throw new AppError('SERVICE_UNAVAILABLE', {
      message: 'Files cannot be read right now: try again in a moment',
      cause,
    });
  });
  if (!object)
    throw new Error(`the bytes of attachment ${id} are not in storage: is it the one they were put in?`);
  return { attachment, object };
};
