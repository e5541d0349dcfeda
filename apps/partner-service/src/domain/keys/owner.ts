import { isUuid } from '@switchboard/service-kit';
import type { KeyRecord } from './key-repository.ts';

/** Whom to tell of a key: the user who made it; null for one that an operator made in SQL. */
export const ownerOf = ({ createdBy }: Pick<KeyRecord, 'createdBy'>): string | null =>
  isUuid(createdBy) ? createdBy : null;
