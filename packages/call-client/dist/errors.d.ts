/**
 * Codes that this client gives by itself, beside those of the API (`INVALID_REQUEST`, `UNAUTHORIZED`, `CALL_NOT_FOUND`,
 * `CALL_NOT_ACTIVE`, `CONNECTION_ERROR`, `RATE_LIMIT_EXCEEDED`, `SERVICE_UNAVAILABLE`, …).
 */
export type ClientErrorCode = 
/** The server could not be reached, or did not answer in time. */
'CONNECTION_ERROR'
/** Neither done nor refused in time. Nothing is known: a digit may have been heard, or not. */
 | 'UNCONFIRMED' | 'CALL_NOT_ACTIVE'
/** `close()` came first. */
 | 'CLOSED'
/** The same address was opened elsewhere, which ended the socket here. */
 | 'REPLACED' | 'MICROPHONE_DENIED' | 'MICROPHONE_MISSING' | 'MICROPHONE_BUSY'
/** The page may not ask: it is not served by https (or from localhost), or this is no browser. */
 | 'MICROPHONE_UNAVAILABLE' | 'MEDIA_FAILED';
/** The one error that everything here throws. */
export declare class CallClientError extends Error {
    readonly name = "CallClientError";
    /** A {@link ClientErrorCode}, or a code of the API. */
    readonly code: string;
    readonly details: Readonly<Record<string, unknown>>;
    /** Of the HTTP answer, when there was one. */
    readonly status: number | undefined;
    /** When the server said so: how long to wait before asking again. */
    readonly retryAfterSeconds: number | undefined;
    constructor(code: ClientErrorCode | (string & {}), message: string, more?: {
        details?: Readonly<Record<string, unknown>>;
        status?: number | undefined;
        retryAfterSeconds?: number | undefined;
        cause?: unknown;
    });
}
export declare const isClientError: (error: unknown) => error is CallClientError;
