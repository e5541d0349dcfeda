/** The one error that everything here throws. */
export class CallClientError extends Error {
    name = 'CallClientError';
    /** A {@link ClientErrorCode}, or a code of the API. */
    code;
    details;
    /** Of the HTTP answer, when there was one. */
    status;
    /** When the server said so: how long to wait before asking again. */
    retryAfterSeconds;
    constructor(code, message, more = {}) {
        super(message, more.cause === undefined ? undefined : { cause: more.cause });
        this.code = code;
        this.details = more.details ?? {};
        this.status = more.status;
        this.retryAfterSeconds = more.retryAfterSeconds;
    }
}
export const isClientError = (error) => error instanceof CallClientError;
