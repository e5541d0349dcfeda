import { CallClientError } from './errors.ts';
import type { Message } from './frames.ts';
import { type Timing } from './timing.ts';
/**
 * `none` → `connecting` → `connected` ⇄ `interrupted` → `closed`. While it is interrupted it is connected anew (ICE
 * restart) by itself.
 */
export type AudioState = 'none' | 'connecting' | 'connected' | 'interrupted' | 'closed';
export interface AudioOptions {
    /** What the far end hears. Without it the microphone is opened, and closed at the end of the call. */
    readonly stream?: MediaStream | undefined;
    /** For the microphone. */
    readonly constraints?: MediaTrackConstraints | undefined;
    /** Instead of those that the server named. */
    readonly iceServers?: readonly RTCIceServer[] | undefined;
    /** Where there is no WebRTC by itself: that of `@roamhq/wrtc` in Node, for instance. */
    readonly RTCPeerConnection?: typeof globalThis.RTCPeerConnection | undefined;
}
export interface CallAudio {
    readonly state: AudioState;
    readonly localStream: MediaStream | undefined;
    readonly remoteStream: MediaStream | undefined;
    readonly peerConnection: RTCPeerConnection | undefined;
    /** Gives what is heard of the far end, as soon as audio flows. */
    connect(options: AudioOptions): Promise<MediaStream>;
    /** Whether the far end hears us. */
    allowSound(isAllowed: boolean): void;
    onAnswer(sdp: string): void;
    onCandidate(candidate: RTCIceCandidateInit | null): void;
    /** The socket is there again, or an offer was refused for the moment. */
    repeatOffer(): void;
    close(error?: CallClientError): void;
}
export declare const createCallAudio: (deps: {
    readonly iceServers: readonly RTCIceServer[];
    readonly timing: Timing;
    /** False when it cannot go out now; `repeatOffer` follows when it can. */
    send(message: Message): boolean;
    /** Waits until an answer cannot be mistaken for that of an earlier offer. */
    beforeOffer(): Promise<void>;
    onState(state: AudioState): void;
    onRemoteStream(stream: MediaStream): void;
    onFault(error: CallClientError): void;
}) => CallAudio;
