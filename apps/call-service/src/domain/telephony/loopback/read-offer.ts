import { errors } from '@switchboard/contracts';

export interface Fingerprint {
  readonly algorithm: 'sha256' | 'sha384' | 'sha512';
  /** Lower-case hexadecimal digits. */
  readonly digest: string;
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** A media section as it is refused: by what the offer called it (RFC 3264, 6). */
export interface OfferedSection {
  readonly kind: string;
  readonly protocol: string;
  readonly format: string;
  readonly mid: string | null;
}

/** What of a browser's offer (RFC 8829) matters to a far end that takes audio alone. */
export interface Offer {
  /** Of its `o=` line: the same in all offers of one connection of the browser (RFC 8829, 5.2.2). */
  readonly sessionId: string;
  readonly sections: readonly OfferedSection[];
  /** Of the audio that is taken, in `sections`. */
  readonly audioIndex: number;
  readonly isBundled: boolean;
  readonly opusPayloadType: number;
  /** Telephone events (RFC 4733), as payload type and rate. */
  readonly telephoneEvents: readonly { readonly payloadType: number; readonly rate: number }[];
  readonly direction: Direction;
  readonly iceUsername: string;
  readonly icePassword: string;
  readonly fingerprints: readonly Fingerprint[];
}

const CHARACTERS_MAX = 64 * 1024;
// Browsers have one for each track that there ever was; all of them are answered.
const SECTIONS_MAX = 64;
const FORMATS_MAX = 128;
const FINGERPRINTS_MAX = 8;
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}$/;
const PROTOCOL = /^[A-Za-z0-9/]{1,32}$/;
const MEDIA = /^([a-z]{1,16}) (\d{1,5})(?:\/\d{1,5})? (\S{1,32}) (\S.*)$/;
const ORIGIN = /^o=\S{1,64} (\S{1,64}) /;
const ICE_USERNAME = /^[\x21-\x39\x3b-\x7e]{4,256}$/;
const ICE_PASSWORD = /^[\x21-\x7e]{22,256}$/;
const DIGEST_DIGITS = { sha256: 64, sha384: 96, sha512: 128 } as const;
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

const fault = (message: string) => errors.invalidInput([{ field: 'sdp', message }]);

interface Section extends OfferedSection {
  readonly port: number;
  readonly formats: readonly string[];
  readonly lines: readonly string[];
}

/** The value of the first `a=<name>:` line, of the section's own before the session's. */
const attribute = (name: string, ...scopes: readonly (readonly string[])[]): string | null => {
  const start = `a=${name}:`;
  for (const lines of scopes) {
    const line = lines.find((candidate) => candidate.startsWith(start));
    if (line !== undefined) return line.slice(start.length).trim();
  }
  return null;
};

const readSection = (lines: readonly string[]): Section => {
  const [, kind, port, protocol, formats] = MEDIA.exec(lines[0]?.slice(2) ?? '') ?? [];
  if (kind === undefined || protocol === undefined || formats === undefined || !PROTOCOL.test(protocol))
    throw fault('has a line m= that is none');
  const list = formats.trim().split(' ');
  const format = list[0] ?? '';
  const mid = attribute('mid', lines);
  if (list.length > FORMATS_MAX || !TOKEN.test(format) || (mid !== null && !TOKEN.test(mid)))
    throw fault('has a media section that is not well formed');
  return { kind, protocol, format, mid, port: Number(port), formats: list, lines };
};

const readFingerprints = (section: Section, session: readonly string[]): readonly Fingerprint[] => {
  const linesOf = (lines: readonly string[]) => lines.filter((line) => line.startsWith('a=fingerprint:'));
  const own = linesOf(section.lines);
  const fingerprints: Fingerprint[] = [];
  for (const line of (own.length > 0 ? own : linesOf(session)).slice(0, FINGERPRINTS_MAX)) {
    const [name = '', value = ''] = line.slice('a=fingerprint:'.length).trim().split(/ +/, 2);
    const algorithm = name.toLowerCase().replace('-', '');
    if (algorithm !== 'sha256' && algorithm !== 'sha384' && algorithm !== 'sha512') continue;
    const digest = value.replaceAll(':', '').toLowerCase();
    if (digest.length === DIGEST_DIGITS[algorithm] && /^[0-9a-f]+$/.test(digest))
      fingerprints.push({ algorithm, digest });
  }
  return fingerprints;
};

const MAPPED = /^a=rtpmap:(\d{1,3}) ([A-Za-z0-9-]{1,32})\/(\d{1,6})/;
const readFormats = (section: Section): Pick<Offer, 'telephoneEvents'> & { opus: number | null } => {
  const offered = new Set(section.formats);
  let opus: number | null = null;
  const telephoneEvents: { payloadType: number; rate: number }[] = [];
  for (const line of section.lines) {
    const [, type, name, rate] = MAPPED.exec(line) ?? [];
    if (type === undefined || name === undefined || !offered.has(type)) continue;
    const payloadType = Number(type);
    if (payloadType > 127) continue;
    const codec = name.toLowerCase();
    if (codec === 'opus' && rate === '48000') opus ??= payloadType;
    if (codec === 'telephone-event' && telephoneEvents.length < 4)
      telephoneEvents.push({ payloadType, rate: Number(rate) });
  }
  return { opus, telephoneEvents };
};

const directionOf = (section: Section, session: readonly string[]): Direction => {
  for (const lines of [section.lines, session])
    for (const direction of DIRECTIONS) if (lines.includes(`a=${direction}`)) return direction;
  return 'sendrecv';
};

/**
 * Reads an offer, in time that grows with its length alone. Candidates are passed over: an ICE-lite agent needs none of them,
 * which is why no offer makes this process send anything to an address of its author's choice.
 *
 * @throws INVALID_INPUT with what is wrong, in words for whoever writes the client
 */
export const readOffer = (sdp: string): Offer => {
  if (sdp.length > CHARACTERS_MAX) throw fault(`must have at most ${CHARACTERS_MAX} characters`);
  if (sdp.includes('\0')) throw fault('must not contain NUL');
  const lines = sdp.split(/\r\n|\n|\r/);
  if (lines[0] !== 'v=0') throw fault('must be a session description (RFC 8866): its first line is v=0');
  const starts: number[] = [];
  for (const [at, line] of lines.entries()) {
    if (!line.startsWith('m=')) continue;
    starts.push(at);
    if (starts.length > SECTIONS_MAX) throw fault(`must have at most ${SECTIONS_MAX} media sections`);
  }
  const session = lines.slice(0, starts[0] ?? lines.length);
  const sections = starts.map((start, at) => readSection(lines.slice(start, starts[at + 1] ?? lines.length)));
  const audioIndex = sections.findIndex(
    (section) =>
      section.kind === 'audio' &&
      // 0: refused or given up (RFC 8829, 5.2.2); with bundle-only it is in use (RFC 8843, 7.1.1).
      (section.port !== 0 || section.lines.includes('a=bundle-only')) &&
      /^UDP\/TLS\/RTP\/SAVPF?$/.test(section.protocol) &&
      readFormats(section).opus !== null,
  );
  const audio = sections[audioIndex];
  if (audio === undefined) throw fault('must offer audio with Opus over UDP/TLS/RTP/SAVPF');
  const { opus, telephoneEvents } = readFormats(audio);
  if (opus === null) throw fault('must offer Opus');
  if (!audio.lines.includes('a=rtcp-mux')) throw fault('must offer rtcp-mux');
  if (session.includes('a=ice-lite')) throw fault('must not be of an ICE-lite agent: this side is one');
  // RFC 8842, 5.2: offers are actpass. We are the server in DTLS, which sends nothing before it is asked.
  const setup = attribute('setup', audio.lines, session);
  if (setup !== 'actpass' && setup !== 'active') throw fault('must have a=setup:actpass');
  const iceUsername = attribute('ice-ufrag', audio.lines, session) ?? '';
  const icePassword = attribute('ice-pwd', audio.lines, session) ?? '';
  if (!ICE_USERNAME.test(iceUsername) || !ICE_PASSWORD.test(icePassword))
    throw fault('must have a=ice-ufrag and a=ice-pwd');
  const fingerprints = readFingerprints(audio, session);
  if (fingerprints.length === 0) throw fault('must have a=fingerprint with sha-256, sha-384 or sha-512');
  const bundle = session.find((line) => line.startsWith('a=group:BUNDLE '));
  return {
    sessionId: ORIGIN.exec(session.find((line) => line.startsWith('o=')) ?? '')?.[1] ?? '',
    sections,
    audioIndex,
    isBundled: audio.mid !== null && (bundle?.split(' ').includes(audio.mid) ?? false),
    opusPayloadType: opus,
    telephoneEvents,
    direction: directionOf(audio, session),
    iceUsername,
    icePassword,
    fingerprints,
  };
};
