import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { checkKey } from './keys.ts';
import type { Storage } from './storage.ts';

export interface S3Options {
  /** Undefined: Amazon's own of the region. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** True: the bucket is a part of the path, not of the host's name. */
  readonly forcePathStyle: boolean;
  readonly timeouts?: {
    readonly connectMs?: number;
    /** Until an answer begins. */
    readonly answerMs?: number;
    /** While nothing moves. */
    readonly idleMs?: number;
  };
}

const ATTEMPTS_MAX = 3;
/** Each reader that takes its time holds one, and a put needs one too. */
const SOCKETS_MAX = 512;
const CHECK_KEY = 'check';

const isNoSuchKey = (error: unknown): boolean =>
  error instanceof S3ServiceException && (error.name === 'NoSuchKey' || error.name === 'NotFound');

/** What the client says of a server that does not answer in S3's words is no use to an operator. */
const wordsOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return [status, code, error.message].filter((part) => part !== undefined && part !== '').join(' ');
};

/** A bucket of anything that speaks the API of S3: Amazon, MinIO, R2, Ceph. */
export const createS3Storage = (options: S3Options): Storage => {
  const { bucket, region, endpoint, accessKeyId, secretAccessKey, forcePathStyle, timeouts = {} } = options;
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const client = new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle,
    maxAttempts: ATTEMPTS_MAX,
    retryMode: 'standard',
    // The signature covers the bytes; the newer checksums are not known everywhere.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: timeouts.connectMs ?? 5_000,
      requestTimeout: timeouts.answerMs ?? 60_000,
      throwOnRequestTimeout: true,
      socketTimeout: timeouts.idleMs ?? 120_000,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });

  const objectOf = (key: string) => {
    checkKey(key);
    return { Bucket: bucket, Key: key };
  };
  const put: Storage['put'] = async (key, bytes, { contentType }) => {
    const command = { Body: bytes, ContentLength: bytes.length, ContentType: contentType };
    await client.send(new PutObjectCommand({ ...objectOf(key), ...command }));
  };
  const remove: Storage['delete'] = async (key) => {
    try {
      await client.send(new DeleteObjectCommand(objectOf(key)));
    } catch (error) {
      // Amazon says 204; some say 404.
      if (!isNoSuchKey(error)) throw error;
    }
  };

  return {
    put,
    async get(key) {
      try {
        const { Body, ContentLength } = await client.send(new GetObjectCommand(objectOf(key)));
        if (!(Body instanceof Readable) || ContentLength === undefined) {
          throw new TypeError('S3 answered without a body, or without saying how long it is');
        }
        return { sizeBytes: ContentLength, body: Body };
      } catch (error) {
        if (isNoSuchKey(error)) return null;
        throw error;
      }
    },
    delete: remove,
    async check() {
      try {
        await put(CHECK_KEY, Buffer.from('ok'), { contentType: 'text/plain' });
        await remove(CHECK_KEY);
      } catch (cause) {
        const where = endpoint ?? `Amazon S3, ${region}`;
        const words = `Files cannot be stored in STORAGE_S3_BUCKET (${bucket} at ${where}): ${wordsOf(cause)}`;
        throw new Error(words, { cause });
      }
    },
  };
};
