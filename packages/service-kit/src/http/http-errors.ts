import {
  AppError,
  answersWithPages,
  BODY_BYTES_MAX_DEFAULT,
  ERROR_PAGE_HEADERS,
  errorContentType,
  errors,
  renderError,
  renderErrorPage,
  type Surface,
  surfaceOf,
  surfaces,
} from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { runInWork } from '../context/work-context.ts';

/** The surface whose dialect words the answer: the route's, or the path's where there is no route. */
export const surfaceOfRequest = (request: FastifyRequest): Surface => {
  const contract = request.routeOptions.config.contract;
  return contract ? surfaces[contract.surface] : surfaceOf(request.url.split('?', 1)[0] ?? '');
};

const acceptedTypes = (request: FastifyRequest): readonly string[] =>
  request.routeOptions.config.contract?.consumes ?? ['application/json'];

const bodyBytesMaxOf = (request: FastifyRequest): number =>
  request.routeOptions.bodyLimit ?? BODY_BYTES_MAX_DEFAULT;

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const statusOf = (error: unknown): number =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500;

/** What was thrown by Fastify, its plugins or us, as an error of the catalogue. */
export const toHttpError = (thrown: unknown, request: FastifyRequest): AppError => {
  if (thrown instanceof AppError) return thrown;
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const fields = thrown.validation.map((fault) => ({
      field: fault.instancePath.slice(1).replaceAll('/', '.') || (thrown.validationContext ?? 'body'),
      message: fault.message ?? 'is not valid',
    }));
    return thrown.validationContext === 'body'
      ? errors.invalidInput(fields)
      : errors.invalidParameter(fields);
  }
  switch (codeOf(thrown)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
    case 'FST_REQ_FILE_TOO_LARGE':
    case 'FST_PARTS_LIMIT':
    case 'FST_FILES_LIMIT':
    case 'FST_FIELDS_LIMIT':
      return errors.payloadTooLarge(bodyBytesMaxOf(request));
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return errors.unsupportedMediaType(acceptedTypes(request));
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new AppError('INVALID_INPUT', {
        message: 'The request body is not as long as Content-Length says',
      });
    case 'FST_ERR_BAD_URL':
      return new AppError('INVALID_PARAMETER', { message: 'The address has a bad percent-encoding' });
  }
  const status = statusOf(thrown);
  if (status === 404) return new AppError('NOT_FOUND', { cause: thrown });
  if (status === 413) return errors.payloadTooLarge(bodyBytesMaxOf(request));
  if (status === 415) return errors.unsupportedMediaType(acceptedTypes(request));
  if (status === 414) return new AppError('NOT_FOUND', { cause: thrown });
  if (status >= 400 && status < 500) return new AppError('INVALID_INPUT', { cause: thrown });
  return new AppError('INTERNAL_ERROR', { cause: thrown });
};

/**
 * Answers with an error in the dialect of the request's surface, or as a page where people look at the answers. Errors of
 * ours (5xx) are logged with their cause, refusals at debug; neither shows the caller more than the catalogue allows.
 */
export const answerError = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void => {
  const error = toHttpError(thrown, request);
  const { log, clock, metrics } = request.server.kit;
  metrics.countError(error.code);
  runInWork(request.work ?? { trace: request.server.kit.untraced, requestId: request.id }, () => {
    if (error.status >= 500) log.error({ err: error.cause ?? error, code: error.code }, error.message);
    else log.debug({ code: error.code, err: error.cause }, error.message);
  });
  if (error.status >= 500) request.span?.set({ 'error.code': error.code });
  reply.status(error.status).headers({ ...error.headers, 'x-request-id': request.id });
  const contract = request.routeOptions.config.contract;
  if (contract && answersWithPages(contract)) {
    reply.headers(ERROR_PAGE_HEADERS).type('text/html; charset=utf-8').send(renderErrorPage(error));
    return;
  }
  const surface = surfaceOfRequest(request);
  const body = JSON.stringify(renderError(surface.dialect, error, clock.now()));
  reply
    .type(errorContentType(surface.dialect))
    // As bytes: whatever serialiser the route has is for its good answers.
    .send(body);
};

/**
 * The same for a service with a database: a Postgres that is away is no fault of ours to be looked into, and soon back:
 * 503, so that callers try again.
 */
export const answerServiceError = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void =>
  answerError(
    isTransientDatabaseError(thrown)
      ? new AppError('SERVICE_UNAVAILABLE', { headers: { 'retry-after': '5' }, cause: thrown })
      : thrown,
    request,
    reply,
  );
