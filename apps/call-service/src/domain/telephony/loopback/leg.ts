import { randomInt } from 'node:crypto';
import { AppError, type Clock } from '@switchboard/contracts';
import { type RTCCertificate, RTCDtlsTransport } from 'werift';
import type { Leg, LegAction, LegEvent, LegRequest, LostLeg } from '../driver.ts';
import { type FarEnd, type FarEndTiming, farEndOf } from './far-end.ts';
import { createEchoNumbers } from './media/echo.ts';
import { createPeer, type Peer } from './media/peer.ts';
import type { MediaPort } from './media/port.ts';
import type { RtpPacket } from './media/rtp.ts';
import { type Offer, readOffer } from './read-offer.ts';
import { writeAnswer } from './write-answer.ts';

export interface LegTiming extends FarEndTiming {
  /** Ringing for longer than this is `no_answer`. */
  readonly noAnswerMs: number;
  /** From the answer of the far end to audio, when an offer was answered (spec: telephony). */
  readonly mediaUpMs: number;
  /** Nothing was heard of the browser for this long. */
  readonly mediaGoneMs: number;
}

export interface LegContext {
  readonly port: MediaPort;
  readonly clock: Clock;
  readonly timing: LegTiming;
  /** Called once, when the leg is over. */
  onOver(): void;
}

export interface LoopbackLeg extends Leg {
  /** Closes everything without a word. */
  letGo(): void;
}

const OFFERS_MAX = 30;
const OFFERS_MS = 10_000;
/** A timer that is this late tells of a process that stood still: what was sent meanwhile is still to be read. */
const STANDSTILL_MS = 1_000;

type Progress = Pick<LostLeg, 'status' | 'isMuted' | 'isOnHold' | 'ringingAt' | 'connectedAt'>;
const FRESH: Progress = {
  status: 'initializing',
  isMuted: false,
  isOnHold: false,
  ringingAt: null,
  connectedAt: null,
};

const isSamePeer = (one: Offer, other: Offer): boolean =>
  one.sessionId === other.sessionId &&
  JSON.stringify(one.fingerprints) === JSON.stringify(other.fingerprints);

/** One call with a far end that is played here, from its start or from where another process left it. */
export const createLeg = (request: LegRequest, context: LegContext, progress = FRESH): LoopbackLeg => {
  const { port, clock, timing } = context;
  const farEnd: FarEnd = farEndOf(request.phone, timing);
  const timers = new Set<NodeJS.Timeout>();
  const numbers = createEchoNumbers();
  const sdpSessionId = String(randomInt(1, 2 ** 47));
  let isOver = false;
  let { status, isMuted, isOnHold } = progress;
  let peer: Peer | null = null;
  let offer: Offer | null = null;
  let answers = 0;
  let offeredAt: readonly number[] = [];
  // Of performance.now(): the clock of the wall may be set meanwhile.
  let answeredAt = 0;
  let offerAnsweredAt = 0;
  let mediaTimer: NodeJS.Timeout | undefined;

  const letGo = (): void => {
    if (isOver) return;
    isOver = true;
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
    clearTimeout(mediaTimer);
    peer?.close();
    peer = null;
    context.onOver();
  };

  const tell = (event: LegEvent): void => {
    if (isOver) return;
    if (event.type === 'hungUp' || event.type === 'failed') letGo();
    request.onEvent(event);
  };

  const after = (delayMs: number, act: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, delayMs);
    timers.add(timer);
  };
  /** What is left of a time that began at `from`, perhaps in another process. */
  const leftOf = (ms: number, from: Date): number =>
    Math.min(ms, Math.max(0, ms - (clock.now().getTime() - from.getTime())));

  const mediaDeadline = (): number | null => {
    if (peer === null) return null;
    if (peer.isUp) return peer.heardAt + timing.mediaGoneMs;
    return status === 'connected' ? Math.max(answeredAt, offerAnsweredAt) + timing.mediaUpMs : null;
  };
  const watchMedia = (waitMsMin = 0): void => {
    clearTimeout(mediaTimer);
    const deadline = mediaDeadline();
    if (isOver || deadline === null) return;
    const wakesAt = Math.max(deadline, performance.now() + waitMsMin);
    mediaTimer = setTimeout(
      () => {
        const now = performance.now();
        if (now - wakesAt > STANDSTILL_MS) watchMedia(STANDSTILL_MS);
        else if (now >= (mediaDeadline() ?? Number.POSITIVE_INFINITY))
          tell({ type: 'failed', code: 'media_failed' });
        else watchMedia();
      },
      Math.ceil(wakesAt - performance.now()),
    );
  };

  const onAnswered = (connectedAt: Date): void => {
    status = 'connected';
    answeredAt = performance.now();
    watchMedia();
    if (farEnd.hangsUpAfterMs !== undefined)
      after(leftOf(farEnd.hangsUpAfterMs, connectedAt), () =>
        tell({ type: 'hungUp', cause: 'remote_hangup' }),
      );
  };
  const onRinging = (ringingAt: Date): void => {
    status = 'ringing';
    if (farEnd.answersAfterMs === undefined) {
      after(leftOf(timing.noAnswerMs, ringingAt), () => tell({ type: 'hungUp', cause: 'no_answer' }));
      return;
    }
    after(leftOf(farEnd.answersAfterMs, request.startedAt), () => {
      onAnswered(clock.now());
      tell({ type: 'answered' });
    });
  };
  const play = (): void => {
    const { refuses, ringsAfterMs } = farEnd;
    if (progress.status === 'connected') onAnswered(progress.connectedAt ?? clock.now());
    else if (progress.status === 'ringing') onRinging(progress.ringingAt ?? clock.now());
    else if (refuses !== undefined)
      after(leftOf(refuses.afterMs, request.startedAt), () => tell({ type: 'hungUp', cause: refuses.cause }));
    else if (ringsAfterMs !== undefined)
      after(leftOf(ringsAfterMs, request.startedAt), () => {
        onRinging(clock.now());
        tell({ type: 'ringing' });
      });
  };

  const echo = (packet: RtpPacket): void => {
    const isAudible =
      status === 'connected' && !isMuted && !isOnHold && offer?.direction === 'sendrecv' && !isOver;
    // Telephone events (RFC 4733) have a payload type of their own: keys that are pressed are not heard.
    if (!isAudible || offer === null || packet.payloadType !== offer.opusPayloadType) {
      numbers.breakOff();
      return;
    }
    if (packet.payload.length > 0) peer?.send(packet.payloadType, numbers.next(packet), packet.payload);
  };

  const countOffer = (): void => {
    const now = performance.now();
    offeredAt = offeredAt.filter((at) => now - at < OFFERS_MS);
    if (offeredAt.length >= OFFERS_MAX)
      throw new AppError('RATE_LIMIT_EXCEEDED', {
        message: 'Too many offers for one call; wait a few seconds',
      });
    offeredAt = [...offeredAt, now];
  };

  /** Goes on with the connection that the offer is of, or begins another. */
  const meet = (next: Offer, certificate: RTCCertificate): Peer => {
    if (peer !== null && offer !== null && isSamePeer(offer, next)) {
      if (offer.iceUsername !== next.iceUsername) peer.restartIce(next.iceUsername);
      return peer;
    }
    peer?.close();
    numbers.breakOff();
    return createPeer({
      port,
      certificate,
      remoteIceUsername: next.iceUsername,
      fingerprints: next.fingerprints,
      onUp: () => watchMedia(),
      // An earlier one is closed, and says no more.
      onRtp: echo,
    });
  };

  play();
  return {
    letGo,
    async offer(sdp) {
      countOffer();
      const next = readOffer(sdp);
      const candidates = await port.localCandidates();
      const certificate = await RTCDtlsTransport.SetupCertificate();
      const [fingerprint] = certificate.getFingerprints();
      if (isOver || fingerprint === undefined) return;
      peer = meet(next, certificate);
      offer = next;
      answers += 1;
      offerAnsweredAt = performance.now();
      watchMedia();
      const sdpOfAnswer = writeAnswer(next, {
        sessionId: sdpSessionId,
        version: answers,
        iceUsername: peer.iceUsername,
        icePassword: peer.icePassword,
        fingerprint: fingerprint.value,
        ssrc: peer.ssrc,
        cname: request.callId,
        candidates,
      });
      tell({ type: 'answer', sdp: sdpOfAnswer });
    },
    // An ICE-lite agent needs none: it answers at whatever address the browser asks from.
    async candidate() {},
    async act(action: LegAction) {
      if (action.action === 'mute' || action.action === 'unmute') isMuted = action.action === 'mute';
      if (action.action === 'hold' || action.action === 'resume') isOnHold = action.action === 'hold';
      // A key, and a transfer to whomever, are taken by a far end that is played.
    },
    async end() {
      letGo();
    },
    async release() {
      letGo();
    },
  };
};
