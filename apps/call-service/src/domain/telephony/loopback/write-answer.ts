import { isIPv4 } from 'node:net';
import type { Direction, Offer } from './read-offer.ts';

export interface LocalCandidate {
  readonly address: string;
  readonly port: number;
}

/** What this side says of itself. */
export interface LocalDescription {
  readonly sessionId: string;
  /** Rises with each answer of a session (RFC 3264, 8). */
  readonly version: number;
  readonly iceUsername: string;
  readonly icePassword: string;
  /** SHA-256 of our certificate, as SDP writes it. */
  readonly fingerprint: string;
  readonly ssrc: number;
  readonly cname: string;
  readonly candidates: readonly LocalCandidate[];
}

const REVERSED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/** RFC 8445, 5.1.2.1, for host candidates over UDP: in the order in which they are given. */
const priorityAt = (at: number): number => ((126 << 24) | ((65_535 - at) << 8) | 255) >>> 0;

const candidateLines = (candidates: readonly LocalCandidate[]): readonly string[] => [
  ...candidates.map(
    ({ address, port }, at) =>
      `a=candidate:${at + 1} 1 udp ${priorityAt(at)} ${address} ${port} typ host generation 0`,
  ),
  'a=end-of-candidates',
];

const audioLines = (offer: Offer, local: LocalDescription): readonly string[] => {
  const section = offer.sections[offer.audioIndex];
  const [first] = local.candidates;
  const address = first?.address ?? '0.0.0.0';
  const types = [offer.opusPayloadType, ...offer.telephoneEvents.map((event) => event.payloadType)];
  const direction = REVERSED[offer.direction];
  const isSending = direction === 'sendrecv' || direction === 'sendonly';
  return [
    `m=audio ${first?.port ?? 9} ${section?.protocol ?? 'UDP/TLS/RTP/SAVPF'} ${types.join(' ')}`,
    `c=IN IP${isIPv4(address) ? 4 : 6} ${address}`,
    ...(section?.mid == null ? [] : [`a=mid:${section.mid}`]),
    `a=ice-ufrag:${local.iceUsername}`,
    `a=ice-pwd:${local.icePassword}`,
    `a=fingerprint:sha-256 ${local.fingerprint}`,
    'a=setup:passive',
    'a=rtcp-mux',
    `a=${direction}`,
    `a=rtpmap:${offer.opusPayloadType} opus/48000/2`,
    `a=fmtp:${offer.opusPayloadType} minptime=10;useinbandfec=1`,
    ...offer.telephoneEvents.map(
      ({ payloadType, rate }) => `a=rtpmap:${payloadType} telephone-event/${rate}`,
    ),
    ...(isSending ? [`a=msid:${local.cname} far-end`, `a=ssrc:${local.ssrc} cname:${local.cname}`] : []),
    ...candidateLines(local.candidates),
  ];
};

/** Answers an offer: its audio is taken, every other section refused. All candidates are in it (no trickling). */
export const writeAnswer = (offer: Offer, local: LocalDescription): string => {
  const audio = offer.sections[offer.audioIndex];
  const lines = [
    'v=0',
    `o=- ${local.sessionId} ${local.version} IN IP4 0.0.0.0`,
    's=-',
    't=0 0',
    'a=ice-lite',
    ...(offer.isBundled ? [`a=group:BUNDLE ${audio?.mid}`] : []),
    ...offer.sections.flatMap((section, at) =>
      at === offer.audioIndex
        ? audioLines(offer, local)
        : [
            `m=${section.kind} 0 ${section.protocol} ${section.format}`,
            'c=IN IP4 0.0.0.0',
            ...(section.mid === null ? [] : [`a=mid:${section.mid}`]),
            'a=inactive',
          ],
    ),
  ];
  return `${lines.join('\r\n')}\r\n`;
};
