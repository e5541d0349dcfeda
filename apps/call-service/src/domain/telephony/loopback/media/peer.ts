import { createHash, randomBytes, randomInt } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import {
  DtlsServer,
  keyLength,
  ProtectionProfileAeadAes128Gcm,
  ProtectionProfileAes128CmHmacSha1_80,
  type RTCCertificate,
  RtpHeader,
  SrtpSession,
  saltLength,
} from 'werift';
import type { Fingerprint } from '../read-offer.ts';
import type { MediaPort, Receiver, Remote } from './port.ts';
import { isRtcp, type RtpPacket, readRtp } from './rtp.ts';
import { isGenuine, writeBindingSuccess } from './stun.ts';

/**
 * TERMINOLOGY — *peer*: the browser's end of the audio, as one ICE-lite agent with one DTLS association sees it. It is *up*
 * once its keys are agreed on and its certificate is the one that the offer told of.
 */
export interface Peer {
  readonly iceUsername: string;
  readonly icePassword: string;
  readonly ssrc: number;
  readonly isUp: boolean;
  /** Of the last packet that was the browser's own for certain; milliseconds of `performance.now()`. */
  readonly heardAt: number;
  /** Its credentials for ICE changed (RFC 8839, 5.4: ours do too); the keys stay. */
  restartIce(remoteIceUsername: string): void;
  send(
    payloadType: number,
    header: Omit<RtpPacket, 'ssrc' | 'payloadType' | 'payload'>,
    payload: Buffer,
  ): void;
  close(): void;
}

export interface PeerOptions {
  readonly port: MediaPort;
  readonly certificate: RTCCertificate;
  readonly remoteIceUsername: string;
  readonly fingerprints: readonly Fingerprint[];
  onUp(): void;
  onRtp(packet: RtpPacket): void;
}

interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly remoteUsername: string;
}

// Opus has at most 400 packets a second; beside them are checks and reports.
const PACKETS_PER_SECOND_MAX = 600;
/** No network carries larger ones without taking them apart. */
const PACKET_BYTES_MAX = 2_048;
// A handshake has about ten, and is repeated when packets are lost. Each hello costs a key pair.
const DTLS_PACKETS_MAX = 200;
const HANDSHAKES_MAX = 200;
const HELLOS_MAX = 16;
/** Of a message of the handshake: the certificate is the largest one. */
const HANDSHAKE_BYTES_MAX = 16 * 1024;
const ADDRESSES_MAX = 16;
const SOURCES_MAX = 8;
/** A browser checks every 2.5 s, or more often. */
const HEARD_MS = 10_000;
const HANDSHAKE_OVER = 100;
const CLIENT_HELLO = 1;

/** At most so many in each second. */
const createAllowance = (perSecondMax: number): (() => boolean) => {
  let second = 0;
  let used = 0;
  return () => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      second = now;
      used = 0;
    }
    used += 1;
    return used <= perSecondMax;
  };
};

const createCredentials = (remoteUsername: string): Credentials => ({
  username: randomBytes(12).toString('base64').replaceAll('=', ''),
  password: randomBytes(24).toString('base64'),
  remoteUsername,
});

type Handshake = Parameters<DtlsServer['handleFragmentHandshake']>[0][number];

/** It has what it says, and says no more than a message of the handshake can have: werift takes its lengths at their word. */
const isWhole = ({ length, fragment_offset: from, fragment_length: bytes, fragment }: Handshake): boolean =>
  length <= HANDSHAKE_BYTES_MAX && fragment.length === bytes && from + bytes <= length;

const isOf = (certificate: Buffer | undefined, fingerprints: readonly Fingerprint[]): boolean =>
  certificate !== undefined &&
  fingerprints.some(
    ({ algorithm, digest }) => createHash(algorithm).update(certificate).digest('hex') === digest,
  );

/**
 * Speaks ICE (lite: it is asked, and never asks), DTLS 1.2 as server, and SRTP with a browser.
 *
 * DTLS and SRTP are werift's; its ICE is not used (see `stun.ts`, `port.ts`). Its handshake checks neither the client's
 * CertificateVerify nor its Finished: what keeps others out is the password of ICE, which only the caller has, and which is
 * asked for before anything else of an address is looked at.
 */
export const createPeer = (options: PeerOptions): Peer => {
  const { port, certificate, fingerprints } = options;
  const ssrc = randomInt(1, 2 ** 32);
  let credentials = [createCredentials(options.remoteIceUsername)];
  const addresses = new Map<string, Remote>();
  const sources = new Set<number>();
  const isPacketAllowed = createAllowance(PACKETS_PER_SECOND_MAX);
  const isCheckAllowed = createAllowance(PACKETS_PER_SECOND_MAX);
  let selected: Remote | null = null;
  let dtls: { readonly socket: DtlsServer; take(packet: Buffer): void } | null = null;
  let srtp: SrtpSession | null = null;
  let dtlsPackets = 0;
  let handshakes = 0;
  let hellos = 0;
  let heardAt = 0;
  let isClosed = false;

  const current = (): Credentials => {
    const last = credentials.at(-1);
    if (last === undefined) throw new Error('a peer has credentials');
    return last;
  };

  const onConnected = (socket: DtlsServer): void => {
    // A repeated Finished comes here again.
    if (isClosed || srtp !== null) return;
    const profile = socket.srtp.srtpProfile;
    if (profile === undefined || !isOf(socket.remoteCertificate, fingerprints)) return;
    const keys = socket.extractSessionKeys(keyLength(profile), saltLength(profile));
    srtp = new SrtpSession({
      profile,
      keys: {
        localMasterKey: keys.localKey,
        localMasterSalt: keys.localSalt,
        remoteMasterKey: keys.remoteKey,
        remoteMasterSalt: keys.remoteSalt,
      },
    });
    options.onUp();
  };

  /**
   * What is counted is what werift has read, not packets: one has as many messages as fit, and some are encrypted. Once the
   * peer is up, a hello would make werift begin anew and forget what was agreed on.
   */
  const bound = (socket: DtlsServer): void => {
    const assemble = socket.handleFragmentHandshake.bind(socket);
    socket.handleFragmentHandshake = (messages) => {
      handshakes += messages.length;
      return handshakes > HANDSHAKES_MAX ? [] : assemble(messages.filter(isWhole));
    };
    const handle = socket.onHandleHandshakes;
    socket.onHandleHandshakes = (assembled) =>
      handle(
        assembled.filter(({ msg_type: type }) => {
          if (type !== CLIENT_HELLO) return true;
          hellos += 1;
          return srtp === null && hellos <= HELLOS_MAX;
        }),
      );
  };

  const startDtls = () => {
    const transport = {
      type: 'udp',
      address: {} as AddressInfo,
      closed: false,
      onData: (_packet: Buffer): void => undefined,
      send: async (packet: Buffer) => {
        if (!isClosed && selected !== null) port.send(packet, selected);
      },
      close: async () => undefined,
    };
    const socket = new DtlsServer({
      cert: certificate.certPem,
      key: certificate.privateKey,
      signatureHash: certificate.signatureHash,
      transport,
      srtpProfiles: [ProtectionProfileAeadAes128Gcm, ProtectionProfileAes128CmHmacSha1_80],
      extendedMasterSecret: true,
      certificateRequest: true,
    });
    bound(socket);
    socket.onConnect.subscribe(() => onConnected(socket));
    return { socket, take: (packet: Buffer) => transport.onData(packet) };
  };

  const onDtls = (packet: Buffer): void => {
    dtlsPackets += 1;
    if (dtlsPackets > DTLS_PACKETS_MAX) return;
    dtls ??= startDtls();
    dtls.take(packet);
  };

  const onMedia = (packet: Buffer): void => {
    // Reports are not needed: the far end is right here.
    if (srtp === null || packet.length < 12 || isRtcp(packet)) return;
    const source = packet.readUInt32BE(8);
    if (!sources.has(source) && sources.size >= SOURCES_MAX) return;
    let plain: Buffer;
    try {
      plain = srtp.decrypt(packet);
    } catch {
      // Not the browser's, or damaged.
      return;
    }
    sources.add(source);
    heardAt = performance.now();
    const rtp = readRtp(plain);
    if (rtp !== null) options.onRtp(rtp);
  };

  const remember = (from: Remote): boolean => {
    const key = `${from.address} ${from.port}`;
    if (!port.claim(from, receiver)) {
      addresses.delete(key);
      return false;
    }
    if (addresses.has(key)) return true;
    for (const [oldKey, old] of addresses) {
      if (addresses.size < ADDRESSES_MAX) break;
      if (old === selected) continue;
      port.unclaim(old, receiver);
      addresses.delete(oldKey);
    }
    addresses.set(key, from);
    return true;
  };

  const receiver: Receiver = {
    isHeard: () => !isClosed && performance.now() - heardAt < HEARD_MS,
    onBindingRequest(request, ours, from) {
      const known = credentials.find(({ username }) => username === ours);
      if (known === undefined || request.username !== `${ours}:${known.remoteUsername}`) return;
      if (!isCheckAllowed() || !isGenuine(request, known.password) || !remember(from)) return;
      heardAt = performance.now();
      if (known === current()) {
        // The browser knows our new credentials: the old ones are over.
        for (const old of credentials.slice(0, -1)) port.unlisten(old.username);
        credentials = [known];
      }
      if (request.isNominating || selected === null)
        selected = addresses.get(`${from.address} ${from.port}`) ?? from;
      port.send(writeBindingSuccess(request, from, known.password), from);
    },
    onPacket(packet) {
      if (isClosed || packet.length > PACKET_BYTES_MAX || !isPacketAllowed()) return;
      const first = packet[0] ?? 0;
      // RFC 7983: 20 to 63 is DTLS, 128 to 191 RTP.
      if (first >= 20 && first <= 63) onDtls(packet);
      else if (first >= 128 && first <= 191) onMedia(packet);
    },
  };
  port.listen(current().username, receiver);

  return {
    get iceUsername() {
      return current().username;
    },
    get icePassword() {
      return current().password;
    },
    ssrc,
    get isUp() {
      return srtp !== null && !isClosed;
    },
    get heardAt() {
      return heardAt;
    },
    restartIce(remoteIceUsername) {
      // The last ones stay good until the browser uses the new ones: audio does not stop meanwhile.
      for (const old of credentials.slice(0, -1)) port.unlisten(old.username);
      credentials = [...credentials.slice(-1), createCredentials(remoteIceUsername)];
      port.listen(current().username, receiver);
    },
    send(payloadType, { isMarked, sequenceNumber, timestamp }, payload) {
      if (srtp === null || selected === null || isClosed) return;
      const header = new RtpHeader({ payloadType, marker: isMarked, sequenceNumber, timestamp, ssrc });
      port.send(srtp.encrypt(payload, header), selected);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      for (const { username } of credentials) port.unlisten(username);
      for (const address of addresses.values()) port.unclaim(address, receiver);
      addresses.clear();
      // Ends werift's repetitions, which have timers of their own.
      if (dtls !== null) dtls.socket.dtls.flight = HANDSHAKE_OVER;
      dtls?.socket.onConnect.allUnsubscribe();
      srtp = null;
      dtls = null;
    },
  };
};
