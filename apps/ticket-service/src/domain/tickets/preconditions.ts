import { AppError } from '@switchboard/contracts';

const tagsOf = (header: string): readonly string[] => header.match(/(?:W\/)?"[^"]*"/g) ?? [];

/** RFC 9110, 13.1.1: strong comparison. Throws PRECONDITION_FAILED. */
export const requireMatch = (ifMatch: string | undefined, etag: string): void => {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  if (!tagsOf(ifMatch).includes(etag)) throw new AppError('PRECONDITION_FAILED');
};

/** RFC 9110, 13.1.2: weak comparison. True: the caller has it already. */
export const isKnown = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined &&
  (ifNoneMatch.trim() === '*' || tagsOf(ifNoneMatch).some((tag) => tag.replace(/^W\//, '') === etag));
