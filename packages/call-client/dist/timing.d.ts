/** How long to wait for what, in milliseconds. */
export interface Timing {
    /** Before the second attempt to connect; doubles with each further one. The first is made almost at once. */
    readonly firstRetryMs: number;
    /** The longest wait between two attempts. */
    readonly retryMaxMs: number;
    /** A connection that was lost for this long is given up. */
    readonly giveUpAfterMs: number;
    /** For a socket to open. */
    readonly connectTimeoutMs: number;
    /** A quiet socket is asked whether it lives. */
    readonly pingEveryMs: number;
    /** Without a word for this long after that it is taken for dead. */
    readonly pongTimeoutMs: number;
    /** For a command to be done or refused, retries and reconnects included. */
    readonly commandTimeoutMs: number;
    /** For the socket to end a call, before it is ended without it. */
    readonly hangUpGraceMs: number;
    /** For the audio to be connected. */
    readonly mediaTimeoutMs: number;
    /** Audio that was interrupted for this long is connected anew. */
    readonly mediaGraceMs: number;
}
export declare const defaultTiming: Timing;
/**
 * The wait before attempt `attempt` (1, 2, …): exponential, of which a random half is jitter, so that thousands of pages
 * do not come back in the same moment after a gateway went away. The first comes within a moment.
 */
export declare const backoffMs: (attempt: number, { firstRetryMs, retryMaxMs }: Timing) => number;
export declare const wait: (ms: number) => Promise<void>;
