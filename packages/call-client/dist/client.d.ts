import { type Call } from './call.ts';
import type { CallReason, CallStatus, CallType } from './frames.ts';
import { type Credentials } from './http.ts';
import { type Timing } from './timing.ts';
/**
 * Whoever has credentials can start calls, and read and end all calls of the account. A key pair does not belong into
 * pages for strangers: there a server starts the call and hands its `wsUrl` to the page, which takes `followCall`.
 */
export interface CallClientOptions extends Credentials {
    /** With the version: `https://api.example.com/api/v1`. */
    readonly baseUrl: string;
    readonly timing?: Partial<Timing> | undefined;
}
export interface StartCallInput {
    readonly name: string;
    /** E.164, as people write it. */
    readonly phone: string;
    readonly callType?: CallType | undefined;
    readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}
/** A row of the call log. Times are ISO 8601 in UTC, `duration` is in seconds. */
export interface CallLog {
    readonly callId: string;
    readonly customerName: string;
    readonly ani: string;
    readonly callType: CallType;
    readonly startTime: string;
    readonly endTime: string | null;
    readonly duration: number | null;
    readonly status: CallStatus;
    readonly actions: readonly {
        readonly type: string;
        readonly timestamp: string;
        readonly status: 'performed' | 'failed';
        readonly dtmfDigit?: string;
        readonly target?: string;
    }[];
    readonly connectedTime: string | null;
    readonly reason: CallReason | null;
    readonly metadata: Readonly<Record<string, unknown>>;
}
export interface CallLogFilters {
    readonly customerName?: string;
    readonly ani?: string;
    readonly startDate?: string;
    readonly endDate?: string;
    readonly status?: CallStatus;
    readonly callType?: CallType;
    readonly limit?: number;
    readonly cursor?: string;
}
export interface FollowOptions {
    /** For audio; the answer that began the call names them. */
    readonly iceServers?: readonly RTCIceServer[] | undefined;
    /** Asked for another `wsUrl` when the ticket of the first one is refused: it is good for ten minutes without use. */
    readonly renewTicket?: (() => Promise<string>) | undefined;
    readonly timing?: Partial<Timing> | undefined;
}
interface EndedCall {
    readonly callId: string;
    readonly status: CallStatus;
    readonly endTime: string;
    readonly duration: number;
}
export interface CallClient {
    /**
     * Starts a call and follows it. Listeners that are added right after the `await` hear every event. Safe to be cut off:
     * a retry does not start a second call.
     *
     * @throws CallClientError with the API's code
     */
    startCall(input: StartCallInput): Promise<Call>;
    /** Follows a call by its id or its `wsUrl`, from the beginning. */
    followCall(callIdOrWsUrl: string, options?: FollowOptions): Promise<Call>;
    /** Ends any call of the account. `keepalive`: also while the page is being left. */
    endCall(callId: string, options?: {
        readonly keepalive?: boolean;
    }): Promise<EndedCall>;
    /** One row of the call log, also while the call lives. */
    getCall(callId: string): Promise<CallLog>;
    /** The call log, newest first. */
    listCalls(filters?: CallLogFilters): Promise<{
        readonly calls: readonly CallLog[];
        readonly total?: number;
        readonly nextCursor: string | null;
    }>;
}
/**
 * Follows a call without any credential but the ticket in its `wsUrl`: what a page does for a call that its server began.
 *
 * @throws CallClientError INVALID_REQUEST when it is no such URL
 */
export declare const followCall: (wsUrl: string, options?: FollowOptions) => Call;
/** Starts, follows and lists the calls of one account. */
export declare const createCallClient: (options: CallClientOptions) => CallClient;
export {};
