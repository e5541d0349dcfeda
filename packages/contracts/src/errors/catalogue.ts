/**
 * Every error a caller can meet, once. `message` is what is said when the place that throws has nothing
 * better to say. Dialects (render.ts) decide the shape; this table decides the meaning.
 */
export const errorCatalogue = {
  INVALID_INPUT: { status: 400, message: 'The request body is not valid' },
  INVALID_PARAMETER: { status: 400, message: 'A query or path parameter is not valid' },
  INVALID_JSON: { status: 400, message: 'The request body is not valid JSON' },
  INVALID_IDEMPOTENCY_KEY: {
    status: 400,
    message: 'The idempotency key must be 1 to 255 visible ASCII characters',
  },
  INVALID_AUDIO_FILE: { status: 400, message: 'The audio file cannot be used' },
  MISSING_CREDENTIAL: { status: 401, message: 'This route needs a credential' },
  INVALID_CREDENTIAL: { status: 401, message: 'The credential is not valid' },
  WRONG_CREDENTIAL_KIND: { status: 401, message: 'This route takes another kind of credential' },
  FORBIDDEN: { status: 403, message: 'This credential may not do that' },
  IP_NOT_ALLOWED: { status: 403, message: 'This credential may not be used from this address' },
  INSUFFICIENT_PERMISSIONS: { status: 403, message: 'This credential lacks a permission' },
  COMPANY_ACCESS_DENIED: { status: 403, message: 'This credential has no access to that company' },
  NOT_FOUND: { status: 404, message: 'There is nothing at this address' },
  COMPANY_NOT_FOUND: { status: 404, message: 'No such company' },
  AGENT_NOT_FOUND: { status: 404, message: 'No such agent in that company' },
  JOB_NOT_FOUND: { status: 404, message: 'No such job' },
  CALL_NOT_FOUND: { status: 404, message: 'No such call' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This address does not take that method' },
  DUPLICATE_REQUEST: { status: 409, message: 'The same request came before, with other content' },
  JOB_ALREADY_FINISHED: { status: 409, message: 'The job is already over' },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The request body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The content type is not supported here' },
  RATE_LIMIT_EXCEEDED: { status: 429, message: 'Rate limit exceeded' },
  INTERNAL_ERROR: { status: 500, message: 'Something went wrong on our side' },
  BAD_GATEWAY: { status: 502, message: 'The service behind the gateway did not answer properly' },
  SERVICE_UNAVAILABLE: { status: 503, message: 'The service is not available right now' },
  GATEWAY_TIMEOUT: { status: 504, message: 'The service behind the gateway did not answer in time' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One faulty field of a request; validation errors name every one. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

export interface ErrorDetails {
  readonly fields?: readonly FieldFault[];
  readonly [key: string]: unknown;
}
