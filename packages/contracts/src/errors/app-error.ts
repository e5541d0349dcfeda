import { type ErrorCode, type ErrorDetails, errorCatalogue, type FieldFault } from './catalogue.ts';

export interface AppErrorOptions {
  readonly message?: string;
  readonly details?: ErrorDetails;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** The one error class. Its code decides the status; whatever it carries may be shown to the caller. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: ErrorDetails | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? errorCatalogue[code].message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = errorCatalogue[code].status;
    this.details = options.details;
    this.headers = options.headers ?? {};
  }
}

/** Of what is told of a request: a caller who sends a hundred thousand wrong fields is not answered with all of them. */
const FAULTS_MAX = 50;
const FIELD_CHARACTERS_MAX = 200;

/** The first faults; names of fields may be the caller's own, however long. */
const firstOf = (faults: readonly FieldFault[]): readonly FieldFault[] =>
  faults
    .slice(0, FAULTS_MAX)
    .map((fault) =>
      fault.field.length > FIELD_CHARACTERS_MAX
        ? { ...fault, field: `${fault.field.slice(0, FIELD_CHARACTERS_MAX)}…`.toWellFormed() }
        : fault,
    );

const describeFaults = (faults: readonly FieldFault[]): string =>
  faults.map((fault) => `${fault.field}: ${fault.message}`).join('; ');

/** Factories for the errors that carry typed details. The rest is `new AppError(code)`. */
export const errors = {
  invalidInput: (faults: readonly FieldFault[]) => {
    const fields = firstOf(faults);
    const message = `Invalid input: ${describeFaults(fields)}`;
    return new AppError('INVALID_INPUT', { message, details: { fields } });
  },
  invalidParameter: (faults: readonly FieldFault[]) => {
    const fields = firstOf(faults);
    const message = `Invalid parameter: ${describeFaults(fields)}`;
    return new AppError('INVALID_PARAMETER', { message, details: { fields } });
  },
  invalidAudio: (message: string, details?: ErrorDetails) =>
    new AppError('INVALID_AUDIO_FILE', { message, ...(details ? { details } : {}) }),
  insufficientPermissions: (required: string) =>
    new AppError('INSUFFICIENT_PERMISSIONS', {
      message: `This credential lacks the permission ${required}`,
      details: { required },
    }),
  insufficientRole: (accepted: readonly string[]) =>
    new AppError('INSUFFICIENT_ROLE', {
      message: `This needs the role ${accepted.join(' or ')}`,
      details: { accepted },
    }),
  payloadTooLarge: (bytesMax: number) =>
    new AppError('PAYLOAD_TOO_LARGE', {
      message: `The request body is larger than the ${bytesMax} bytes this route takes`,
      details: { max_bytes: bytesMax },
    }),
  unsupportedMediaType: (accepted: readonly string[]) =>
    new AppError('UNSUPPORTED_MEDIA_TYPE', {
      message: `Send Content-Type: ${accepted.join(' or ')}`,
      details: { accepted },
    }),
  rateLimited: (retryAfterSeconds: number, limit: number) =>
    new AppError('RATE_LIMIT_EXCEEDED', {
      details: { limit, retry_after: retryAfterSeconds },
      headers: { 'retry-after': String(retryAfterSeconds) },
    }),
};

/** Whatever was thrown, as an AppError: unknown errors become INTERNAL_ERROR and show nothing of themselves. */
export const toAppError = (error: unknown): AppError =>
  error instanceof AppError ? error : new AppError('INTERNAL_ERROR', { cause: error });
