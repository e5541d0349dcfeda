import { CallClientError } from './errors.ts';
import type { Message } from './frames.ts';
import { openMicrophone } from './microphone.ts';
import { backoffMs, type Timing } from './timing.ts';

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

const RESTARTS_MAX = 6;
/** Of ours that wait for the socket to come back. */
const CANDIDATES_MAX = 100;

const overTooSoon = (): CallClientError =>
  new CallClientError('CALL_NOT_ACTIVE', 'The call was over before its audio was connected');

export const createCallAudio = (deps: {
  readonly iceServers: readonly RTCIceServer[];
  readonly timing: Timing;
  /** False when it cannot go out now; `repeatOffer` follows when it can. */
  send(message: Message): boolean;
  /** Waits until an answer cannot be mistaken for that of an earlier offer. */
  beforeOffer(): Promise<void>;
  onState(state: AudioState): void;
  onRemoteStream(stream: MediaStream): void;
  onFault(error: CallClientError): void;
}): CallAudio => {
  const { timing } = deps;
  let state: AudioState = 'none';
  let peer: RTCPeerConnection | undefined;
  let local: MediaStream | undefined;
  let ownsLocal = false;
  let remote: MediaStream | undefined;
  let isAllowed = true;
  let restarts = 0;
  let theirs: (RTCIceCandidateInit | null)[] = [];
  let ours: (RTCIceCandidateInit | null)[] = [];
  let restartTimer: ReturnType<typeof setTimeout> | undefined;
  let connectTimer: ReturnType<typeof setTimeout> | undefined;
  let settle: { resolve(stream: MediaStream): void; reject(error: CallClientError): void } | undefined;

  const isClosed = (): boolean => state === 'closed';
  const change = (next: AudioState): void => {
    if (state === next || isClosed()) return;
    state = next;
    deps.onState(next);
  };

  const close = (error?: CallClientError): void => {
    if (isClosed()) return;
    clearTimeout(restartTimer);
    clearTimeout(connectTimer);
    change('closed');
    peer?.close();
    if (ownsLocal) for (const track of local?.getTracks() ?? []) track.stop();
    if (settle !== undefined) settle.reject(error ?? overTooSoon());
    else if (error !== undefined) deps.onFault(error);
    settle = undefined;
  };

  const sendOffer = (): boolean => {
    const sdp = peer?.localDescription?.sdp;
    return sdp !== undefined && deps.send({ type: 'media.offer', data: { sdp } });
  };
  const sendCandidates = (): void => {
    while (ours.length > 0 && deps.send({ type: 'media.candidate', data: { candidate: ours[0] ?? null } })) {
      ours = ours.slice(1);
    }
  };

  const offer = async (connection: RTCPeerConnection, iceRestart: boolean): Promise<void> => {
    await deps.beforeOffer();
    if (isClosed()) return;
    ours = [];
    await connection.setLocalDescription(await connection.createOffer({ iceRestart }));
    sendOffer();
  };

  /** Connects anew after an interruption, with longer and longer pauses, so often and no more. */
  const restart = (delayMs: number): void => {
    clearTimeout(restartTimer);
    restartTimer = setTimeout(() => {
      if (peer === undefined || isClosed() || peer.connectionState === 'connected') return;
      if (restarts >= RESTARTS_MAX) {
        return close(
          new CallClientError('MEDIA_FAILED', 'The audio was interrupted and could not be connected again'),
        );
      }
      restarts += 1;
      offer(peer, true).catch(() => undefined);
      restart(timing.mediaGraceMs + backoffMs(restarts + 1, timing));
    }, delayMs);
  };

  const follow = (connection: RTCPeerConnection): void => {
    connection.onicecandidate = ({ candidate }) => {
      if (ours.length < CANDIDATES_MAX) ours.push(candidate?.toJSON() ?? null);
      sendCandidates();
    };
    connection.ontrack = ({ track, streams }) => {
      const [first] = streams;
      remote = first ?? remote ?? new MediaStream();
      if (first === undefined) remote.addTrack(track);
      deps.onRemoteStream(remote);
      finish();
    };
    connection.onconnectionstatechange = () => {
      if (isClosed()) return;
      const { connectionState } = connection;
      if (connectionState === 'connected') {
        restarts = 0;
        clearTimeout(restartTimer);
        change('connected');
        finish();
      } else if (connectionState === 'disconnected' && state === 'connected') {
        change('interrupted');
        // It often comes back by itself.
        restart(timing.mediaGraceMs);
      } else if (connectionState === 'failed') {
        if (state === 'connected') change('interrupted');
        restart(0);
      }
    };
  };

  const finish = (): void => {
    if (state !== 'connected' || remote === undefined) return;
    clearTimeout(connectTimer);
    settle?.resolve(remote);
    settle = undefined;
  };

  const obey = (): void => {
    for (const track of local?.getAudioTracks() ?? []) track.enabled = isAllowed;
  };

  return {
    get state() {
      return state;
    },
    get localStream() {
      return local;
    },
    get remoteStream() {
      return remote;
    },
    get peerConnection() {
      return peer;
    },
    async connect(options) {
      if (isClosed()) throw overTooSoon();
      if (state !== 'none') {
        throw new CallClientError('INVALID_REQUEST', 'The audio of this call was connected before');
      }
      const PeerConnection = options.RTCPeerConnection ?? globalThis.RTCPeerConnection;
      if (PeerConnection === undefined) {
        throw new CallClientError(
          'MEDIA_FAILED',
          'There is no WebRTC here; in Node give its RTCPeerConnection',
        );
      }
      change('connecting');
      try {
        local = options.stream ?? (await openMicrophone(options.constraints));
        ownsLocal = options.stream === undefined;
        if (isClosed()) {
          if (ownsLocal) for (const track of local.getTracks()) track.stop();
          throw overTooSoon();
        }
      } catch (error) {
        // The person may allow it now, and try again.
        if (!isClosed()) state = 'none';
        throw error;
      }
      obey();
      const connection = new PeerConnection({ iceServers: [...(options.iceServers ?? deps.iceServers)] });
      peer = connection;
      follow(connection);
      for (const track of local.getAudioTracks()) connection.addTrack(track, local);
      const connected = new Promise<MediaStream>((resolve, reject) => {
        settle = { resolve, reject };
      });
      connectTimer = setTimeout(
        () => close(new CallClientError('MEDIA_FAILED', 'The audio was not connected in time')),
        timing.mediaTimeoutMs,
      );
      offer(connection, false).catch((cause: unknown) =>
        close(new CallClientError('MEDIA_FAILED', 'The audio could not be offered', { cause })),
      );
      return connected;
    },
    allowSound(next) {
      isAllowed = next;
      obey();
    },
    onAnswer(sdp) {
      // One that answers an offer of somebody before us, or an offer that went out twice.
      if (peer?.signalingState !== 'have-local-offer') return;
      const connection = peer;
      connection
        .setRemoteDescription({ type: 'answer', sdp })
        .then(async () => {
          const waiting = theirs;
          theirs = [];
          for (const candidate of waiting) await connection.addIceCandidate(candidate ?? undefined);
        })
        .catch((cause: unknown) => {
          if (!isClosed())
            close(new CallClientError('MEDIA_FAILED', 'The answer was not understood', { cause }));
        });
    },
    onCandidate(candidate) {
      if (peer === undefined || isClosed()) return;
      if (peer.remoteDescription === null || peer.signalingState !== 'stable') theirs.push(candidate);
      // One that came too late for an ICE restart is of no use, and does no harm.
      else peer.addIceCandidate(candidate ?? undefined).catch(() => undefined);
    },
    repeatOffer() {
      if (isClosed() || peer === undefined) return;
      if (peer.signalingState === 'have-local-offer') sendOffer();
      sendCandidates();
    },
    close,
  };
};
