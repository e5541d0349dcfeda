export { countFaults, type StorageFault } from './count-faults.ts';
export { createLocalStorage } from './create-local-storage.ts';
export type { S3Options } from './create-s3-storage.ts';
export { openStorage } from './open-storage.ts';
export { createUrlSigner, type SignedUrl, type UrlSigner } from './signed-urls.ts';
export type { Storage, StoredObject } from './storage.ts';
export { type StorageConfig, storageBlock } from './storage-block.ts';
