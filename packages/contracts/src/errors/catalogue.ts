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
  INVALID_CREDENTIALS: { status: 400, message: 'Invalid login credentials' },
  EMAIL_NOT_CONFIRMED: { status: 400, message: 'Email not confirmed' },
  REFRESH_TOKEN_NOT_FOUND: { status: 400, message: 'Invalid Refresh Token: Refresh Token Not Found' },
  REFRESH_TOKEN_ALREADY_USED: { status: 400, message: 'Invalid Refresh Token: Already Used' },
  BAD_CODE_VERIFIER: { status: 400, message: 'The code verifier does not match the code challenge' },
  BAD_OAUTH_STATE: { status: 400, message: 'The sign-in cannot be continued: begin again' },
  PROVIDER_DISABLED: { status: 400, message: 'Unsupported provider: provider is not enabled' },
  AUTHORIZATION_PENDING: { status: 400, message: 'Nobody has decided yet: ask again after the interval' },
  SLOW_DOWN: { status: 400, message: 'Asked too soon: the interval is 5 seconds longer from now on' },
  ACCESS_DENIED: { status: 400, message: 'The sign-in was denied' },
  EXPIRED_TOKEN: { status: 400, message: 'The device code is too old: begin again' },
  INVALID_GRANT: { status: 400, message: 'The device code is not valid' },
  UNSUPPORTED_GRANT_TYPE: { status: 400, message: 'This grant type is not supported' },
  INVALID_AUDIO_FILE: { status: 400, message: 'The audio file cannot be used' },
  MISSING_CREDENTIAL: { status: 401, message: 'This route needs a credential' },
  INVALID_CREDENTIAL: { status: 401, message: 'The credential is not valid' },
  WRONG_CREDENTIAL_KIND: { status: 401, message: 'This route takes another kind of credential' },
  FORBIDDEN: { status: 403, message: 'This credential may not do that' },
  IP_NOT_ALLOWED: { status: 403, message: 'This credential may not be used from this address' },
  INSUFFICIENT_PERMISSIONS: { status: 403, message: 'This credential lacks a permission' },
  COMPANY_ACCESS_DENIED: { status: 403, message: 'This credential has no access to that company' },
  INSUFFICIENT_ROLE: { status: 403, message: 'Your role may not do that' },
  ENDPOINT_NOT_ALLOWED: { status: 403, message: 'This token may not be used for that endpoint' },
  SIGNED_URL_INVALID: {
    status: 403,
    message: 'This address is not one of ours, or no longer good: ask for the file again',
  },
  OTP_EXPIRED: { status: 403, message: 'Email link is invalid or has expired' },
  SESSION_NOT_FOUND: { status: 403, message: 'The session is over: sign in again' },
  NOT_FOUND: { status: 404, message: 'There is nothing at this address' },
  COMPANY_NOT_FOUND: { status: 404, message: 'No such company' },
  AGENT_NOT_FOUND: { status: 404, message: 'No such agent in that company' },
  JOB_NOT_FOUND: { status: 404, message: 'No such job' },
  CALL_NOT_FOUND: { status: 404, message: 'No such call' },
  USER_NOT_FOUND: { status: 404, message: 'No such user' },
  KEY_NOT_FOUND: { status: 404, message: 'No such key' },
  TICKET_NOT_FOUND: { status: 404, message: 'No such ticket' },
  TOKEN_NOT_FOUND: { status: 404, message: 'No such token' },
  DELIVERY_NOT_FOUND: { status: 404, message: 'No such delivery' },
  ENDPOINT_NOT_FOUND: { status: 404, message: 'No such endpoint' },
  REPLAY_NOT_FOUND: { status: 404, message: 'No such replay' },
  ATTACHMENT_NOT_FOUND: { status: 404, message: 'No such attachment' },
  FLOW_STATE_NOT_FOUND: { status: 404, message: 'The code is not valid: begin the sign-in again' },
  UPGRADE_REQUIRED: { status: 426, message: 'This address is a WebSocket: connect to it with one' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This address does not take that method' },
  CALL_NOT_ACTIVE: { status: 409, message: 'The call is over' },
  DUPLICATE_REQUEST: { status: 409, message: 'The same request came before, with other content' },
  JOB_ALREADY_FINISHED: { status: 409, message: 'The job is already over' },
  KEY_REVOKED: { status: 409, message: 'It was revoked, and that is final: make a new one' },
  ENDPOINT_DISABLED: { status: 409, message: 'The endpoint is disabled: enable it first' },
  MESSAGE_EXPIRED: { status: 409, message: 'What that message said is kept no longer' },
  REPLAY_FINISHED: { status: 409, message: 'The replay is already over' },
  LAST_SUPER_ADMIN: {
    status: 409,
    message: 'This is the last active super_admin: appoint another one first',
  },
  TOO_MANY: { status: 409, message: 'There are as many as there can be' },
  PRECONDITION_FAILED: {
    status: 412,
    message: 'It was changed since: get it again, and change that',
  },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The request body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The content type is not supported here' },
  USER_ALREADY_EXISTS: { status: 422, message: 'User already registered' },
  EMAIL_EXISTS: { status: 422, message: 'A user with this email address has already been registered' },
  WEAK_PASSWORD: { status: 422, message: 'The password is too easy to guess' },
  SAME_PASSWORD: { status: 422, message: 'New password should be different from the old password.' },
  SIGNUP_DISABLED: { status: 422, message: 'Signups not allowed for this instance' },
  RATE_LIMIT_EXCEEDED: { status: 429, message: 'Rate limit exceeded' },
  INTERNAL_ERROR: { status: 500, message: 'Something went wrong on our side' },
  BAD_GATEWAY: { status: 502, message: 'The service behind the gateway did not answer properly' },
  DATABASE_ERROR: { status: 503, message: 'The database does not answer right now: try again' },
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
