/** Chromium's offer of a microphone, shortened, with something of it replaced. */
export const SHA256 = Array<string>(32).fill('AB').join(':');

export interface OfferParts {
  readonly session?: readonly string[];
  readonly audio?: readonly string[];
  readonly media?: string;
  readonly more?: readonly string[];
}

export const offerOf = (parts: OfferParts = {}): string =>
  [
    'v=0',
    'o=- 1841724751068951529 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'a=extmap-allow-mixed',
    ...(parts.session ?? []),
    parts.media ?? 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126',
    'c=IN IP4 0.0.0.0',
    ...(parts.audio ?? [
      'a=ice-ufrag:uULZ',
      'a=ice-pwd:Z/36bDVqA9NzF7wzAjdhs/A5',
      'a=ice-options:trickle',
      `a=fingerprint:sha-256 ${SHA256}`,
      'a=setup:actpass',
      'a=mid:0',
      'a=sendrecv',
      'a=rtcp-mux',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'a=rtpmap:110 telephone-event/48000',
      'a=rtpmap:126 telephone-event/8000',
    ]),
    ...(parts.more ?? []),
    '',
  ].join('\r\n');
