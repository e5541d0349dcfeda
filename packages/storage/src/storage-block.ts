import { booleanField, setting, textField, urlField } from '@switchboard/service-kit';
import { z } from 'zod';

const S3_FIELDS = ['s3Bucket', 's3AccessKeyId', 's3SecretAccessKey'] as const;

/** Where files are. A service that stores some has this group in its schema. */
export const storageBlock = z
  .object({
    directory: setting('STORAGE_DIRECTORY', textField().default('.local/storage'), {
      description:
        'Directory for files, unless STORAGE_S3_BUCKET is set; with several replicas one that they all share',
    }),
    s3Bucket: setting('STORAGE_S3_BUCKET', textField().optional(), {
      description:
        'Bucket for files, of Amazon or anything else that speaks S3; used instead of the directory',
      example: 'switchboard-files',
    }),
    s3Endpoint: setting('STORAGE_S3_ENDPOINT', urlField().optional(), {
      description: "Where S3 is, when it is not Amazon's",
      example: 'https://minio.example.com',
    }),
    s3Region: setting('STORAGE_S3_REGION', textField().optional(), {
      description: 'Region of the bucket; us-east-1 when unset, `auto` for R2',
      example: 'eu-central-1',
    }),
    s3AccessKeyId: setting('STORAGE_S3_ACCESS_KEY_ID', textField().optional(), {
      description: 'Access key that may put, get and delete objects of the bucket',
      example: 'AKIAIOSFODNN7EXAMPLE',
    }),
    s3SecretAccessKey: setting('STORAGE_S3_SECRET_ACCESS_KEY', textField().optional(), {
      description: 'Its secret',
      secret: true,
    }),
    s3PathStyle: setting('STORAGE_S3_PATH_STYLE', booleanField().optional(), {
      description:
        "true: the bucket is in the path, false: in the host's name; true when unset and STORAGE_S3_ENDPOINT is set",
    }),
  })
  .check((ctx) => {
    const { directory: _, ...s3 } = ctx.value;
    if (Object.values(s3).every((value) => value === undefined)) return;
    for (const name of S3_FIELDS.filter((field) => s3[field] === undefined)) {
      ctx.issues.push({
        code: 'custom',
        input: ctx.value,
        path: [name],
        message: 'is missing',
        continue: true,
      });
    }
  });

export type StorageConfig = z.output<typeof storageBlock>;
