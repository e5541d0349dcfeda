import { type AudioOptions, type AudioState } from './audio.ts';
import { CallClientError } from './errors.ts';
import { type CallReason, type CallStatus, type CallType, type Frame, type FrameData } from './frames.ts';
import { type ConnectionChange, type ConnectionState } from './socket.ts';
import { type Timing } from './timing.ts';
/** How a call ended. */
export interface CallEnd {
    readonly status: 'ended' | 'failed';
    readonly reason: CallReason;
    /** ISO 8601 in UTC. */
    readonly endTime: string;
    /** Whole seconds from start to end. */
    readonly duration: number;
}
export interface CallEvents {
    /** Every frame of the call, each once and in order, also those that happened before this page came. */
    frame: Frame;
    /** The state changed. */
    state: {
        readonly status: CallStatus;
        readonly previous: CallStatus;
        readonly at: string;
    };
    /** An action was performed, by whomever, or could not be. */
    action: FrameData['call.action'] & {
        readonly at: string;
    };
    /** `isMuted` or `isOnHold` changed. */
    controls: {
        readonly isMuted: boolean;
        readonly isOnHold: boolean;
    };
    /** The call is over. */
    ended: CallEnd;
    /** Of the socket, not of the call: a call goes on while its page has no connection. */
    connection: ConnectionChange;
    /** Of the audio. */
    audio: {
        readonly state: AudioState;
    };
    /** The far end can be heard: give it to an `<audio autoplay>`. */
    remotestream: {
        readonly stream: MediaStream;
    };
    /** What went wrong, in words. A promise that is rejected says it instead. */
    error: CallClientError;
}
export interface Call {
    readonly callId: string;
    readonly status: CallStatus;
    readonly name: string | undefined;
    readonly phone: string | undefined;
    readonly callType: CallType | undefined;
    /** ISO 8601 in UTC; undefined until it was answered. */
    readonly connectedAt: string | undefined;
    /** Undefined until it is over. */
    readonly end: CallEnd | undefined;
    readonly connection: ConnectionState;
    /** Of the last frame that was seen. */
    readonly lastSequence: number;
    readonly isMuted: boolean;
    readonly isOnHold: boolean;
    readonly audio: AudioState;
    readonly localStream: MediaStream | undefined;
    readonly remoteStream: MediaStream | undefined;
    /** For `getStats` and other insight. */
    readonly peerConnection: RTCPeerConnection | undefined;
    /** Listens, and gives a function that stops listening. */
    on<Type extends keyof CallEvents>(type: Type, listener: (event: CallEvents[Type]) => void): () => void;
    /**
     * Waits for the end; gives it at once when the call is over.
     *
     * @throws CallClientError when following the call came to an end before the call did
     */
    whenOver(): Promise<CallEnd>;
    /**
     * Connects microphone and far end, and keeps them connected: offer, answer, candidates, ICE restarts. Gives what is heard
     * of the far end, once audio flows. When it throws because of the microphone, it may be called again.
     *
     * @throws CallClientError `MICROPHONE_…`, `MEDIA_FAILED`, `CALL_NOT_ACTIVE`
     */
    connectAudio(options?: AudioOptions): Promise<MediaStream>;
    /**
     * The far end hears nothing any more: at once, for the microphone's track is switched off before anybody is asked. It
     * stays off until `unmute`, even when the server cannot be told (which throws).
     */
    mute(): Promise<void>;
    unmute(): Promise<void>;
    hold(): Promise<void>;
    resume(): Promise<void>;
    /**
     * Sends keys (`0`–`9`, `*`, `#`, `A`–`D`), one after another. A key is never sent twice: when the connection breaks
     * before it is known whether it was heard, this throws `UNCONFIRMED`.
     */
    sendDtmf(digits: string): Promise<void>;
    /** To a telephone number or a SIP URI. */
    transfer(target: string): Promise<void>;
    /** Ends the call. A call that is over already: the same answer. */
    hangUp(): Promise<CallEnd>;
    /** Stops following and lets go of socket and audio. The call itself goes on. */
    close(): void;
}
export interface CallOptions {
    readonly callId: string;
    readonly wsUrl: string;
    readonly iceServers: readonly RTCIceServer[];
    /** Gives another address when the ticket of this one is refused. */
    readonly renewTicket?: (() => Promise<string>) | undefined;
    /** Ends the call without the socket. */
    readonly endCall?: (() => Promise<{
        readonly endTime: string;
        readonly duration: number;
    }>) | undefined;
    /** Somebody else may have connected audio before. */
    readonly hasHistory: boolean;
    readonly timing: Timing;
}
/** Follows one call from its first frame to its last. */
export declare const createCall: (options: CallOptions) => Call;
