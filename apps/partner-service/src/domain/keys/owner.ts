import { isUuid } from '@switchboard/service-kit';

/** Whom to tell of a key: the user who made it; null for one that an operator made in SQL. */
export const ownerOf = (createdBy: string | null): string | null =>
  createdBy !== null && isUuid(createdBy) ? createdBy : null;
