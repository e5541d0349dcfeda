import { loadConfig } from '@switchboard/service-kit';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openStorage, storageBlock } from '../src/index.ts';

const load = (env: Record<string, string>) => loadConfig(z.object({ storage: storageBlock }), env).storage;
const S3 = {
  STORAGE_S3_BUCKET: 'files',
  STORAGE_S3_ACCESS_KEY_ID: 'key',
  STORAGE_S3_SECRET_ACCESS_KEY: 'secret',
};

describe('the settings of storage', () => {
  it('need nothing for a directory', () => {
    expect(load({})).toEqual({ directory: '.local/storage' });
  });

  it('are whole for S3, or a fault at boot that names what is missing', () => {
    expect(load(S3)).toMatchObject({ s3Bucket: 'files' });
    for (const name of Object.keys(S3)) {
      expect(() => load({ ...S3, [name]: '' })).toThrow(`${name} is missing`);
    }
    expect(() => load({ STORAGE_S3_ENDPOINT: 'http://minio' })).toThrow(
      /STORAGE_S3_BUCKET is missing[\s\S]*STORAGE_S3_ACCESS_KEY_ID is missing[\s\S]*STORAGE_S3_SECRET_ACCESS_KEY is missing/,
    );
  });

  it('open the storage that they name', async () => {
    for (const env of [{}, S3]) expect(await openStorage(load(env))).toHaveProperty('put');
  });
});
