import { type AudioOptions, type AudioState, createCallAudio } from './audio.ts';
import { type Command, createCommands, isTryAgain } from './commands.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import { CallClientError } from './errors.ts';
import {
  type CallActionName,
  type CallReason,
  type CallStatus,
  type CallType,
  type Frame,
  type FrameData,
  isFailure,
  type Message,
  type RawFrame,
  readError,
} from './frames.ts';
import { type ConnectionChange, type ConnectionState, createFrameSocket } from './socket.ts';
import { type Timing, wait } from './timing.ts';

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
  state: { readonly status: CallStatus; readonly previous: CallStatus; readonly at: string };
  /** An action was performed, by whomever, or could not be. */
  action: FrameData['call.action'] & { readonly at: string };
  /** `isMuted` or `isOnHold` changed. */
  controls: { readonly isMuted: boolean; readonly isOnHold: boolean };
  /** The call is over. */
  ended: CallEnd;
  /** Of the socket, not of the call: a call goes on while its page has no connection. */
  connection: ConnectionChange;
  /** Of the audio. */
  audio: { readonly state: AudioState };
  /** The far end can be heard: give it to an `<audio autoplay>`. */
  remotestream: { readonly stream: MediaStream };
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
  readonly endCall?: (() => Promise<{ readonly endTime: string; readonly duration: number }>) | undefined;
  /** Somebody else may have connected audio before. */
  readonly hasHistory: boolean;
  readonly timing: Timing;
}

const DTMF = /^[0-9A-D*#]+$/i;
/** Clocks of servers are this close to each other. */
const CLOCKS_MS = 2_000;

const actionCommand = (
  action: CallActionName,
  more: Readonly<Record<string, string>> = {},
  isRepeatable = true,
): Command => ({
  type: 'call.action',
  data: { action, ...more },
  isRepeatable,
  isDoneBy(frame) {
    if (frame.type !== 'call.action') return false;
    const data = frame.data as FrameData['call.action'];
    if (data.action !== action || (more.dtmfDigit ?? data.dtmfDigit) !== data.dtmfDigit) return false;
    if (data.status === 'performed') return true;
    throw new CallClientError('CONNECTION_ERROR', 'The telephone side could not do it', {
      details: { action },
    });
  },
});

/** Follows one call from its first frame to its last. */
export const createCall = (options: CallOptions): Call => {
  const { callId, timing } = options;
  const emitter: Emitter<CallEvents> = createEmitter();
  let status: CallStatus = 'initializing';
  let initialized: FrameData['call.initialized'] | undefined;
  let connectedAt: string | undefined;
  let end: CallEnd | undefined;
  /** What this page asked for: nobody else can switch its microphone on. */
  let isMutedHere = false;
  let isMutedThere = false;
  let isOnHold = false;
  /** Answers from before this time are those to somebody else's offers. */
  let answersSince: number | undefined;
  /** There may be answers that are not ours. */
  let { hasHistory } = options;
  let fault: CallClientError | undefined;
  const pongs = new Set<(timestamp: string) => void>();

  const send = (message: Message): boolean => socket.send(message);
  const commands = createCommands({ timing, send });

  const controls = (): { isMuted: boolean; isOnHold: boolean } => ({
    isMuted: isMutedHere || isMutedThere,
    isOnHold,
  });
  const setControls = (set: () => void): void => {
    const before = controls();
    set();
    const after = controls();
    if (before.isMuted === after.isMuted && before.isOnHold === after.isOnHold) return;
    audio.allowSound(!after.isMuted && !after.isOnHold);
    emitter.emit('controls', after);
  };

  const setStatus = (next: CallStatus, at: string): void => {
    if (next === status) return;
    const previous = status;
    status = next;
    emitter.emit('state', { status, previous, at });
  };

  const finish = (frame: RawFrame): void => {
    const { reason, endTime, duration } = frame.data as FrameData['call.ended'];
    end = { status: isFailure(reason) ? 'failed' : 'ended', reason, endTime, duration };
    audio.close();
    // Nothing follows: no need to wait until the server closes.
    socket.close();
    setStatus(end.status, frame.timestamp);
    commands.onFrame(frame);
    commands.rejectAll(new CallClientError('CALL_NOT_ACTIVE', 'The call is over'));
    emitter.emit('ended', end);
  };

  const apply = (frame: Frame): void => {
    switch (frame.type) {
      case 'call.initialized':
        initialized = frame.data;
        break;
      case 'call.ringing':
        setStatus('ringing', frame.timestamp);
        break;
      case 'call.connected':
        connectedAt = frame.data.connectedAt;
        setStatus('connected', frame.timestamp);
        break;
      case 'call.action': {
        const { action, status: outcome } = frame.data;
        if (outcome === 'performed') {
          setControls(() => {
            if (action === 'mute' || action === 'unmute') isMutedThere = action === 'mute';
            if (action === 'hold' || action === 'resume') isOnHold = action === 'hold';
          });
        }
        emitter.emit('action', { ...frame.data, at: frame.timestamp });
        break;
      }
      case 'media.answer':
        if (answersSince === undefined || Date.parse(frame.timestamp) >= answersSince) {
          audio.onAnswer(frame.data.sdp);
        }
        if (audio.peerConnection === undefined) hasHistory = true;
        break;
      case 'media.candidate':
        audio.onCandidate(frame.data.candidate);
        break;
      case 'media.hangup':
        audio.close();
        break;
      case 'call.error':
        emitter.emit(
          'error',
          new CallClientError(frame.data.code, frame.data.message, { details: frame.data.details }),
        );
        break;
      default:
    }
  };

  const onFrame = (raw: RawFrame): void => {
    emitter.emit('frame', raw as Frame);
    if (raw.type === 'call.ended') finish(raw);
    else {
      apply(raw as Frame);
      commands.onFrame(raw);
    }
  };

  const onPrivate = (frame: RawFrame): void => {
    if (frame.type === 'pong') {
      for (const told of pongs) told(frame.timestamp);
      pongs.clear();
      return;
    }
    if (frame.type !== 'call.error') return;
    if (commands.onRefusal(frame)) return;
    const said = readError(frame.data);
    const error = new CallClientError(said.code, said.message, { details: said.details });
    if (said.details.type === 'media.offer') refuseOffer(error);
    // A candidate that nobody needs any more is no fault that a person can do something about.
    else if (said.details.type !== 'media.candidate') emitter.emit('error', error);
  };

  const refuseOffer = (error: CallClientError): void => {
    // Whoever had the call in hand is gone; another takes it within seconds. The audio's own time limit ends this.
    if (isTryAgain(error.code)) setTimeout(() => audio.repeatOffer(), timing.firstRetryMs);
    else audio.close(error);
  };

  const onConnection = (change: ConnectionChange): void => {
    if (change.connection === 'open') {
      commands.onOpen();
      audio.repeatOffer();
    } else commands.onLost();
    if (change.connection === 'closed' && end === undefined) {
      fault = change.error ?? new CallClientError('CLOSED', 'The call is not followed any more');
      pongs.clear();
      commands.rejectAll(fault);
      audio.close();
    }
    emitter.emit('connection', change);
    if (change.error !== undefined) emitter.emit('error', change.error);
  };

  const audio = createCallAudio({
    iceServers: options.iceServers,
    timing,
    send,
    async beforeOffer() {
      if (!hasHistory || answersSince !== undefined) return;
      const timestamp = await new Promise<string>((resolve) => {
        pongs.add(resolve);
        send({ type: 'ping', data: {} });
      });
      answersSince = Date.parse(timestamp) - CLOCKS_MS;
    },
    onState: (state) => emitter.emit('audio', { state }),
    onRemoteStream: (stream) => emitter.emit('remotestream', { stream }),
    onFault: (error) => emitter.emit('error', error),
  });

  const socket = createFrameSocket({
    url: options.wsUrl,
    renewUrl: options.renewTicket,
    timing,
    onFrame,
    onPrivate,
    onConnection,
  });

  /** Without the socket. What it would have said is awaited for a moment, for it names the reason. */
  const endElsewhere = async (endCall: NonNullable<CallOptions['endCall']>): Promise<void> => {
    const { endTime, duration } = await endCall();
    await Promise.race([call.whenOver().catch(() => undefined), wait(timing.hangUpGraceMs)]);
    if (end !== undefined) return;
    const data: FrameData['call.ended'] = { endTime, duration, reason: 'hangup' };
    finish({ type: 'call.ended', callId, sequence: socket.lastSequence + 1, timestamp: endTime, data });
  };

  const run = async (command: Command): Promise<void> => {
    if (end !== undefined) throw new CallClientError('CALL_NOT_ACTIVE', 'The call is over');
    if (fault !== undefined) throw fault;
    await commands.run(command);
  };

  const call: Call = {
    callId,
    get status() {
      return status;
    },
    get name() {
      return initialized?.name;
    },
    get phone() {
      return initialized?.phone;
    },
    get callType() {
      return initialized?.callType;
    },
    get connectedAt() {
      return connectedAt;
    },
    get end() {
      return end;
    },
    get connection() {
      return socket.connection;
    },
    get lastSequence() {
      return socket.lastSequence;
    },
    get isMuted() {
      return controls().isMuted;
    },
    get isOnHold() {
      return isOnHold;
    },
    get audio() {
      return audio.state;
    },
    get localStream() {
      return audio.localStream;
    },
    get remoteStream() {
      return audio.remoteStream;
    },
    get peerConnection() {
      return audio.peerConnection;
    },
    on: (type, listener) => emitter.on(type, listener),
    whenOver: () =>
      new Promise((resolve, reject) => {
        if (end !== undefined) return resolve(end);
        if (fault !== undefined) return reject(fault);
        emitter.on('ended', resolve);
        emitter.on('connection', ({ connection }) => {
          if (connection === 'closed' && fault !== undefined) reject(fault);
        });
      }),
    connectAudio: (audioOptions = {}) => audio.connect(audioOptions),
    async mute() {
      setControls(() => {
        isMutedHere = true;
      });
      await run(actionCommand('mute'));
    },
    async unmute() {
      await run(actionCommand('unmute'));
      setControls(() => {
        isMutedHere = false;
      });
    },
    hold: () => run(actionCommand('hold')),
    resume: () => run(actionCommand('resume')),
    async sendDtmf(digits) {
      if (!DTMF.test(digits)) {
        throw new CallClientError('INVALID_REQUEST', 'Keys are 0-9, *, # and A-D', { details: { digits } });
      }
      for (const digit of digits.toUpperCase()) await run(actionCommand('dtmf', { dtmfDigit: digit }, false));
    },
    transfer: (target) => run(actionCommand('transfer', { target }, false)),
    async hangUp() {
      if (end !== undefined) return end;
      const over = call.whenOver();
      over.catch(() => undefined);
      const bySocket = run({
        type: 'call.end',
        data: {},
        isRepeatable: true,
        isDoneBy: ({ type }) => type === 'call.ended',
      });
      const { endCall } = options;
      if (endCall === undefined) {
        await bySocket.catch((error: unknown) => {
          if (end === undefined) throw error;
        });
      } else {
        await Promise.race([bySocket.catch(() => undefined), wait(timing.hangUpGraceMs)]);
        if (end === undefined) await endElsewhere(endCall);
      }
      return end ?? over;
    },
    close() {
      socket.close();
      audio.close();
    },
  };
  return call;
};
