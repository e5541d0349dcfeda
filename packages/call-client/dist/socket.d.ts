import { CallClientError } from './errors.ts';
import { type Message, type RawFrame } from './frames.ts';
import { type Timing } from './timing.ts';
/** Close codes of a call's socket: those of RFC 6455 and its registry, and the API's own. */
export declare const closeCodes: {
    readonly normal: 1000;
    readonly unsupportedData: 1003;
    readonly tooLarge: 1009;
    readonly internalError: 1011;
    readonly serviceRestart: 1012;
    readonly tryAgainLater: 1013;
    readonly badRequest: 4400;
    readonly unauthorized: 4401;
    readonly notFound: 4404;
    readonly tooSlow: 4408;
    readonly replaced: 4409;
    readonly tooMany: 4429;
};
export type ConnectionState = 'connecting' | 'open' | 'reconnecting' | 'closed';
export interface ConnectionChange {
    readonly connection: ConnectionState;
    /** Of the last close, when there was one. */
    readonly closeCode?: number;
    /** How many attempts to connect again were made since the connection was lost. */
    readonly attempt?: number;
    /** Until the next attempt. */
    readonly delayMs?: number;
    /** Why it is closed for good, unless the call is over or `close()` asked for it. */
    readonly error?: CallClientError;
}
export interface FrameSocketOptions {
    /** An absolute ws or wss URL with its ticket. */
    readonly url: string;
    /** Gives a new one when the ticket is refused. */
    readonly renewUrl?: (() => Promise<string>) | undefined;
    readonly timing: Timing;
    /** A frame of the call's history: each once, with ascending sequence, whatever happens to connections. */
    onFrame(frame: RawFrame): void;
    /** A private frame. */
    onPrivate(frame: RawFrame): void;
    onConnection(change: ConnectionChange): void;
}
export interface FrameSocket {
    readonly connection: ConnectionState;
    /** Of the last frame that was seen. */
    readonly lastSequence: number;
    /** False when there is no connection that it could go out on. */
    send(message: Message): boolean;
    /** Ends it for good. */
    close(error?: CallClientError): void;
}
/**
 * One socket as far as whoever uses it can see: it reconnects by itself with backoff and resumes after the last frame
 * that was seen. The first connection is made at once.
 */
export declare const createFrameSocket: (options: FrameSocketOptions) => FrameSocket;
