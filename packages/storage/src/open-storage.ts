import { createLocalStorage } from './create-local-storage.ts';
import type { Storage } from './storage.ts';
import type { StorageConfig } from './storage-block.ts';

const DEFAULT_REGION = 'us-east-1';

/** The storage that is configured. The client of S3 is loaded where it is used alone: that takes a quarter of a second and 20 MB. */
export const openStorage = async (config: StorageConfig): Promise<Storage> => {
  const { s3Bucket, s3AccessKeyId, s3SecretAccessKey, s3Endpoint, s3Region, s3PathStyle } = config;
  if (s3Bucket === undefined) return createLocalStorage({ directory: config.directory });
  if (s3AccessKeyId === undefined || s3SecretAccessKey === undefined) {
    throw new TypeError('S3 is configured without a key: the schema takes no such thing');
  }
  const { createS3Storage } = await import('./create-s3-storage.ts');
  return createS3Storage({
    endpoint: s3Endpoint,
    region: s3Region ?? DEFAULT_REGION,
    bucket: s3Bucket,
    accessKeyId: s3AccessKeyId,
    secretAccessKey: s3SecretAccessKey,
    forcePathStyle: s3PathStyle ?? s3Endpoint !== undefined,
  });
};
