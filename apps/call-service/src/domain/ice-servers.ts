import { createHmac } from 'node:crypto';
import type { iceServerSchema } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Config } from '../config.ts';

export type IceServer = z.input<typeof iceServerSchema>;

export const isTurn = (url: string): boolean => /^turns?:/.test(url);

interface TurnUse {
  readonly callId: string;
  /** Until when the TURN server takes it; it asks again while a call lasts. */
  readonly expiresAt: Date;
}

/**
 * User and password of a TURN server that shares a secret with us (draft-uberti-behave-turn-rest-00, 2.2; coturn:
 * use-auth-secret): the name says until when, the password is its HMAC.
 */
const turnCredential = (secret: string, { callId, expiresAt }: TurnUse) => {
  const username = `${Math.floor(expiresAt.getTime() / 1000)}:${callId}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
};

/**
 * STUN and TURN servers as a browser's RTCPeerConnection takes them. TURN servers only with a secret: a browser throws at
 * one that has no password.
 */
export const iceServersFor = (
  { iceServers, turnSecret }: Pick<Config['media'], 'iceServers' | 'turnSecret'>,
  use: TurnUse,
): readonly IceServer[] => {
  const stun = iceServers.filter((url) => !isTurn(url));
  const turn = turnSecret === undefined ? [] : iceServers.filter(isTurn);
  return [
    ...(stun.length > 0 ? [{ urls: stun }] : []),
    ...(turnSecret !== undefined && turn.length > 0
      ? [{ urls: turn, ...turnCredential(turnSecret, use) }]
      : []),
  ];
};
