import { createCallAudio } from './audio.js';
import { createCommands, isTryAgain } from './commands.js';
import { createEmitter } from './emitter.js';
import { CallClientError } from './errors.js';
import { isFailure, readError, } from './frames.js';
import { createFrameSocket } from './socket.js';
import { wait } from './timing.js';
const DTMF = /^[0-9A-D*#]+$/i;
/** Clocks of servers are this close to each other. */
const CLOCKS_MS = 2_000;
const actionCommand = (action, more = {}, isRepeatable = true) => ({
    type: 'call.action',
    data: { action, ...more },
    isRepeatable,
    isDoneBy(frame) {
        if (frame.type !== 'call.action')
            return false;
        const data = frame.data;
        if (data.action !== action || (more.dtmfDigit ?? data.dtmfDigit) !== data.dtmfDigit)
            return false;
        if (data.status === 'performed')
            return true;
        throw new CallClientError('CONNECTION_ERROR', 'The telephone side could not do it', {
            details: { action },
        });
    },
});
/** Follows one call from its first frame to its last. */
export const createCall = (options) => {
    const { callId, timing } = options;
    const emitter = createEmitter();
    let status = 'initializing';
    let initialized;
    let connectedAt;
    let end;
    /** What this page asked for: nobody else can switch its microphone on. */
    let isMutedHere = false;
    let isMutedThere = false;
    let isOnHold = false;
    /** Answers from before this time are those to somebody else's offers. */
    let answersSince;
    /** There may be answers that are not ours. */
    let { hasHistory } = options;
    let fault;
    const pongs = new Set();
    const send = (message) => socket.send(message);
    const commands = createCommands({ timing, send });
    const controls = () => ({
        isMuted: isMutedHere || isMutedThere,
        isOnHold,
    });
    const setControls = (set) => {
        const before = controls();
        set();
        const after = controls();
        if (before.isMuted === after.isMuted && before.isOnHold === after.isOnHold)
            return;
        audio.allowSound(!after.isMuted && !after.isOnHold);
        emitter.emit('controls', after);
    };
    const setStatus = (next, at) => {
        if (next === status)
            return;
        const previous = status;
        status = next;
        emitter.emit('state', { status, previous, at });
    };
    const finish = (frame) => {
        const { reason, endTime, duration } = frame.data;
        end = { status: isFailure(reason) ? 'failed' : 'ended', reason, endTime, duration };
        audio.close();
        // Nothing follows: no need to wait until the server closes.
        socket.close();
        setStatus(end.status, frame.timestamp);
        commands.onFrame(frame);
        commands.rejectAll(new CallClientError('CALL_NOT_ACTIVE', 'The call is over'));
        emitter.emit('ended', end);
    };
    const apply = (frame) => {
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
                        if (action === 'mute' || action === 'unmute')
                            isMutedThere = action === 'mute';
                        if (action === 'hold' || action === 'resume')
                            isOnHold = action === 'hold';
                    });
                }
                emitter.emit('action', { ...frame.data, at: frame.timestamp });
                break;
            }
            case 'media.answer':
                if (answersSince === undefined || Date.parse(frame.timestamp) >= answersSince) {
                    audio.onAnswer(frame.data.sdp);
                }
                if (audio.peerConnection === undefined)
                    hasHistory = true;
                break;
            case 'media.candidate':
                audio.onCandidate(frame.data.candidate);
                break;
            case 'media.hangup':
                audio.close();
                break;
            case 'call.error':
                emitter.emit('error', new CallClientError(frame.data.code, frame.data.message, { details: frame.data.details }));
                break;
            default:
        }
    };
    const onFrame = (raw) => {
        emitter.emit('frame', raw);
        if (raw.type === 'call.ended')
            finish(raw);
        else {
            apply(raw);
            commands.onFrame(raw);
        }
    };
    const onPrivate = (frame) => {
        if (frame.type === 'pong') {
            for (const told of pongs)
                told(frame.timestamp);
            pongs.clear();
            return;
        }
        if (frame.type !== 'call.error')
            return;
        if (commands.onRefusal(frame))
            return;
        const said = readError(frame.data);
        const error = new CallClientError(said.code, said.message, { details: said.details });
        if (said.details.type === 'media.offer')
            refuseOffer(error);
        // A candidate that nobody needs any more is no fault that a person can do something about.
        else if (said.details.type !== 'media.candidate')
            emitter.emit('error', error);
    };
    const refuseOffer = (error) => {
        // Whoever had the call in hand is gone; another takes it within seconds. The audio's own time limit ends this.
        if (isTryAgain(error.code))
            setTimeout(() => audio.repeatOffer(), timing.firstRetryMs);
        else
            audio.close(error);
    };
    const onConnection = (change) => {
        if (change.connection === 'open') {
            commands.onOpen();
            audio.repeatOffer();
        }
        else
            commands.onLost();
        if (change.connection === 'closed' && end === undefined) {
            fault = change.error ?? new CallClientError('CLOSED', 'The call is not followed any more');
            pongs.clear();
            commands.rejectAll(fault);
            audio.close();
        }
        emitter.emit('connection', change);
        if (change.error !== undefined)
            emitter.emit('error', change.error);
    };
    const audio = createCallAudio({
        iceServers: options.iceServers,
        timing,
        send,
        async beforeOffer() {
            if (!hasHistory || answersSince !== undefined)
                return;
            const timestamp = await new Promise((resolve) => {
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
    const endElsewhere = async (endCall) => {
        const { endTime, duration } = await endCall();
        await Promise.race([call.whenOver().catch(() => undefined), wait(timing.hangUpGraceMs)]);
        if (end !== undefined)
            return;
        const data = { endTime, duration, reason: 'hangup' };
        finish({ type: 'call.ended', callId, sequence: socket.lastSequence + 1, timestamp: endTime, data });
    };
    const run = async (command) => {
        if (end !== undefined)
            throw new CallClientError('CALL_NOT_ACTIVE', 'The call is over');
        if (fault !== undefined)
            throw fault;
        await commands.run(command);
    };
    const call = {
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
        whenOver: () => new Promise((resolve, reject) => {
            if (end !== undefined)
                return resolve(end);
            if (fault !== undefined)
                return reject(fault);
            emitter.on('ended', resolve);
            emitter.on('connection', ({ connection }) => {
                if (connection === 'closed' && fault !== undefined)
                    reject(fault);
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
            for (const digit of digits.toUpperCase())
                await run(actionCommand('dtmf', { dtmfDigit: digit }, false));
        },
        transfer: (target) => run(actionCommand('transfer', { target }, false)),
        async hangUp() {
            if (end !== undefined)
                return end;
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
                await bySocket.catch((error) => {
                    if (end === undefined)
                        throw error;
                });
            }
            else {
                await Promise.race([bySocket.catch(() => undefined), wait(timing.hangUpGraceMs)]);
                if (end === undefined)
                    await endElsewhere(endCall);
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
