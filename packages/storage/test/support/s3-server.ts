import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What of S3 a client of storage meets: objects of one bucket in path style, signatures (SigV4) that are checked, XML errors. */
export interface S3Server {
  readonly url: string;
  readonly objects: Map<string, { readonly bytes: Buffer; readonly contentType: string | undefined }>;
  readonly requests: string[];
  /** Answers the next requests with these, before anything else. */
  readonly faults: ('hang' | 500 | 503)[];
  close(): Promise<void>;
}

export const S3_KEY = { accessKeyId: 'AKIATEST', secretAccessKey: 'a secret / with + signs' } as const;
export const S3_BUCKET = 'files';
export const S3_REGION = 'eu-central-1';

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
const uriEncode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** As "Authenticating Requests (AWS Signature Version 4)" has it. Null: it is good. */
const faultOf = (request: IncomingMessage, body: Buffer): string | null => {
  const header =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, keyId, day = '', region = '', signedHeaders = '', signature] =
    header.exec(request.headers.authorization ?? '') ?? [];
  if (keyId !== S3_KEY.accessKeyId) return 'InvalidAccessKeyId';
  const bodyHash = String(request.headers['x-amz-content-sha256']);
  if (bodyHash !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const url = new URL(request.url ?? '/', 'http://s3');
  const query = [...url.searchParams]
    .map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`)
    .sort()
    .join('&');
  const headers = signedHeaders.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, url.pathname, query, headers.join(''), signedHeaders, bodyHash].join(
    '\n',
  );
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = ['aws4_request'].reduce(
    hmac,
    hmac(hmac(hmac(`AWS4${S3_KEY.secretAccessKey}`, day), region), 's3'),
  );
  if (region !== S3_REGION) return 'AuthorizationHeaderMalformed';
  return hmac(key, toSign).toString('hex') === signature ? null : 'SignatureDoesNotMatch';
};

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const refuse = (response: ServerResponse, status: number, code: string): void => {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message><RequestId>1</RequestId></Error>`,
  );
};

export const startS3Server = async (): Promise<S3Server> => {
  const objects: S3Server['objects'] = new Map();
  const requests: string[] = [];
  const faults: S3Server['faults'] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    requests.push(`${request.method} ${request.url}`);
    const fault = faults.shift();
    if (fault === 'hang') return;
    if (fault !== undefined) return refuse(response, fault, fault === 503 ? 'SlowDown' : 'InternalError');
    const badSignature = faultOf(request, body);
    if (badSignature) return refuse(response, 403, badSignature);
    const [, bucket, ...parts] = new URL(request.url ?? '/', 'http://s3').pathname.split('/');
    const key = parts.join('/');
    if (bucket !== S3_BUCKET) return refuse(response, 404, 'NoSuchBucket');
    if (request.method === 'PUT') {
      objects.set(key, { bytes: body, contentType: request.headers['content-type'] });
      response.writeHead(200, { etag: '"1"' }).end();
      return;
    }
    if (request.method === 'DELETE') {
      objects.delete(key);
      response.writeHead(204).end();
      return;
    }
    const object = objects.get(key);
    if (!object) return refuse(response, 404, 'NoSuchKey');
    response.writeHead(200, {
      'content-length': object.bytes.length,
      ...(object.contentType ? { 'content-type': object.contentType } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : object.bytes);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    faults,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
