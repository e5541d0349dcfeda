export type { Storage, StoredObject } from './storage.ts';
