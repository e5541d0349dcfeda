import { AppError, type BodyType, errors } from '@switchboard/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  inspectJson,
  inspectJsonBytes,
  JSON_DEPTH_MAX,
  JSON_VALUES_MAX,
  type JsonFault,
} from './inspect-json.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

const invalidJson = (message: string) => new AppError('INVALID_JSON', { message });

const refusalOf = (fault: JsonFault): AppError => {
  switch (fault.kind) {
    case 'depth':
      return invalidJson(`The request body nests deeper than ${JSON_DEPTH_MAX} levels`);
    case 'size':
      return invalidJson(`The request body has more than ${JSON_VALUES_MAX} values`);
    case 'key':
      return errors.invalidInput([{ field: fault.path, message: 'is a key that is not allowed' }]);
    case 'text':
      return errors.invalidInput([
        { field: fault.path, message: 'must not contain NUL or half a surrogate pair' },
      ]);
  }
};

/** What is wrong with the words or the keys of a value, as its caller is told; undefined when nothing is. */
export const faultOfJson = (value: unknown): AppError | undefined => {
  const fault = inspectJson(value);
  return fault && refusalOf(fault);
};

/** JSON of a caller's as a value that is safe to walk, and neither to merge nor to store. Throws INVALID_JSON. */
const parseUninspected = (bytes: Uint8Array): unknown => {
  const tooMuch = inspectJsonBytes(bytes);
  if (tooMuch) throw refusalOf(tooMuch);
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    // Without the cause: the parser's message quotes the body, and bodies are never logged.
    throw new AppError('INVALID_JSON');
  }
};

/** JSON of a caller's as a value that is safe to walk, merge and store. Throws INVALID_JSON or INVALID_INPUT. */
export const parseJson = (bytes: Uint8Array): unknown => {
  const value = parseUninspected(bytes);
  const fault = faultOfJson(value);
  if (fault) throw fault;
  return value;
};

const FORM_FIELDS_MAX = 100;

/** A form as an object of texts; of a field that comes twice the faults say so, since nobody can tell which is meant. */
export const parseForm = (bytes: Uint8Array): Record<string, string> => {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new AppError('INVALID_INPUT', { message: 'The form is not UTF-8' });
  }
  const fields = [...new URLSearchParams(text)];
  if (fields.length > FORM_FIELDS_MAX) {
    throw new AppError('INVALID_INPUT', { message: `The form has more than ${FORM_FIELDS_MAX} fields` });
  }
  const names = fields.map(([name]) => name);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  if (repeated.length > 0) {
    throw errors.invalidInput(repeated.map((field) => ({ field, message: 'must be there once' })));
  }
  const form = Object.fromEntries(fields);
  const fault = faultOfJson(form);
  if (fault) throw fault;
  return form;
};

const acceptedBy = (request: FastifyRequest): readonly string[] =>
  request.routeOptions.config.contract?.consumes ?? ['application/json'];

const hasNoBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';

/**
 * JSON is taken, forms where the route says so, and an empty body under any content type (clients send one with POST requests that carry
 * nothing). Routes that take multipart add it in a scope of their own.
 */
export const addBodyParsers = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  const addParser = (
    type: BodyType,
    parse: (bytes: Uint8Array, request: FastifyRequest) => unknown,
  ): void => {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (request, body, done) => {
      if (body.length === 0) return done(null, undefined);
      if (!acceptedBy(request).includes(type)) {
        return done(errors.unsupportedMediaType(acceptedBy(request)), undefined);
      }
      if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
        const message = 'Send the request body without Content-Encoding';
        return done(new AppError('UNSUPPORTED_MEDIA_TYPE', { message }), undefined);
      }
      try {
        done(null, parse(Buffer.from(body), request));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)), undefined);
      }
    });
  };
  addParser('application/json', (bytes, { routeOptions }) =>
    routeOptions.config.contract?.inspectsEntries ? parseUninspected(bytes) : parseJson(bytes),
  );
  addParser('application/x-www-form-urlencoded', parseForm);
  app.addContentTypeParser('*', (request, _payload, done) => {
    if (hasNoBody(request)) return done(null, undefined);
    done(errors.unsupportedMediaType(acceptedBy(request)), undefined);
  });
};
