import type { IncomingMessage } from 'node:http';
import { AppError, BODY_BYTES_MAX_DEFAULT, errors, type RouteContract } from '@switchboard/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseJson } from './body-parsers.ts';
import { isStorableText } from './inspect-json.ts';
import { noteSentFile } from './sent-file.ts';

const FIELDS_MAX = 50;
/** Parts that say they are JSON are among them. */
const FILES_MAX = 8;

const isJson = (contentType: string | undefined): boolean =>
  contentType?.startsWith('application/json') ?? false;

/** JSON comes as bytes too: the plugin would parse it before anybody could count what is in it. */
const isPartAFile = (
  _name: string | undefined,
  contentType: string | undefined,
  filename: string | undefined,
) => filename !== undefined || contentType === 'application/octet-stream' || isJson(contentType);

/**
 * What a text part stands for. A form knows only text, so a field whose schema does not take the text gets it as JSON:
 * `metadata={"a":1}` is the object, `name=42` stays the name "42".
 */
const valueOfText = (schema: z.ZodType | undefined, name: string, text: string): unknown => {
  const field = schema instanceof z.ZodObject ? schema.shape[name] : undefined;
  if (!(field instanceof z.ZodType) || field.safeParse(text).success) return text;
  try {
    return parseJson(Buffer.from(text));
  } catch {
    // Left as text: the schema says what is wrong with it.
    return text;
  }
};

/** What a part that is JSON says, as if it had been sent as text. */
const textOfJson = (bytes: Uint8Array): string => {
  const value = parseJson(bytes);
  return typeof value === 'string' ? value : JSON.stringify(value);
};

const invalidField = (field: string, message: string) => errors.invalidInput([{ field, message }]);

/**
 * A form as the same body object that JSON would give; files are Buffers under their field's name (`sentFileOf`: what their part said of them). Bounded by the
 * route's body limit over all parts, and in the number of parts.
 *
 * @throws PAYLOAD_TOO_LARGE, INVALID_INPUT
 */
export const readMultipart = async (
  request: FastifyRequest,
  route: RouteContract,
): Promise<Record<string, unknown>> => {
  const bytesMax = route.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT;
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw errors.payloadTooLarge(bytesMax);
  const body = new Map<string, unknown>();
  let bytesSeen = 0;
  const limits = {
    fieldNameSize: 100,
    fieldSize: bytesMax,
    fileSize: bytesMax,
    fields: FIELDS_MAX,
    files: FILES_MAX,
    parts: FIELDS_MAX + FILES_MAX,
    headerPairs: 20,
  };
  for await (const part of request.parts({ limits, isPartAFile })) {
    const name = part.fieldname;
    if (!name || !isStorableText(name)) throw invalidField('body', 'has a part without a usable name');
    if (body.has(name)) throw invalidField(name, 'is there twice');
    if (part.type === 'file') {
      const bytes = await part.toBuffer();
      bytesSeen += bytes.length;
      // A file that is JSON is still a file; without a name it is a field.
      const isField = part.filename === undefined && isJson(part.mimetype);
      if (!isField) noteSentFile(bytes, { fileName: part.filename, contentType: part.mimetype });
      body.set(name, isField ? valueOfText(route.body, name, textOfJson(bytes)) : bytes);
    } else {
      const text = String(part.value);
      bytesSeen += Buffer.byteLength(text);
      if (part.fieldnameTruncated || part.valueTruncated) throw errors.payloadTooLarge(bytesMax);
      if (!isStorableText(text)) throw invalidField(name, 'must not contain NUL');
      body.set(name, valueOfText(route.body, name, text));
    }
    if (bytesSeen > bytesMax) throw errors.payloadTooLarge(bytesMax);
  }
  return Object.fromEntries(body);
};

/** The parser speaks of broken forms in plain Errors; those of the plugin have codes, ours are AppErrors. */
export const toFormError = (error: unknown): unknown => {
  const isPlain = error instanceof Error && !(error instanceof AppError || error instanceof TypeError);
  return isPlain && !('code' in error) ? invalidField('body', 'is not a complete form') : error;
};

/**
 * Reads the rest of a refused body and forgets it, so that the client gets to read the refusal: one that is still
 * sending when its connection is cut sees a broken connection instead. A gateway would take the service for dead.
 *
 * @returns false when the client sends more than `bytesMax`, or too slowly; the connection cannot be used again then
 */
export const dropRest = (body: IncomingMessage, bytesMax: number): Promise<boolean> => {
  if (body.readableEnded || body.destroyed) return Promise.resolve(true);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let bytesLeft = bytesMax;
  body.unpipe();
  body.on('data', (chunk: Buffer) => {
    bytesLeft -= chunk.length;
    if (bytesLeft >= 0) return;
    body.pause();
    resolve(false);
  });
  body
    .once('end', () => resolve(true))
    .once('close', () => resolve(true))
    .once('error', () => resolve(false));
  body.resume();
  return promise;
};
