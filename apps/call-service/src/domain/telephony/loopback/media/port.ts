import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { AppError } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { LocalCandidate } from '../write-answer.ts';
import { type BindingRequest, readBindingRequest } from './stun.ts';

/** Where a packet came from, and by which socket it is answered. */
export interface Remote {
  readonly address: string;
  readonly port: number;
  readonly socket: Socket;
}

/** Whoever packets are for. */
export interface Receiver {
  onBindingRequest(request: BindingRequest, ours: string, from: Remote): void;
  onPacket(packet: Buffer, from: Remote): void;
  /** False: an address of it may be another one's from now on. */
  isHeard(): boolean;
}

/**
 * TERMINOLOGY — *media port*: the UDP port (one for each IP version) over which all calls of a process have their audio. A
 * packet is told to be of a call by the user name of its STUN request, and afterwards by the address that request came from.
 *
 * One port for all instead of sockets for each call: nothing is left open by a call, a firewall opens one port, and an
 * address in use is noticed where it can be handled (werift's own sockets end the process over it).
 */
export interface MediaPort {
  /** Opens the port when it is not open. Throws SERVICE_UNAVAILABLE when it cannot be. */
  localCandidates(): Promise<readonly LocalCandidate[]>;
  listen(iceUsername: string, receiver: Receiver): void;
  unlisten(iceUsername: string): void;
  /** False: another receiver that is alive has that address. */
  claim(from: Remote, receiver: Receiver): boolean;
  unclaim(from: Remote, receiver: Receiver): void;
  /** Never throws; what cannot be sent is lost, as packets are. */
  send(packet: Buffer, to: Remote): void;
  close(): Promise<void>;
}

export interface MediaPortOptions {
  /** Told to browsers beside the addresses of this machine. */
  readonly addresses: readonly string[];
  readonly ports: readonly [number, number] | undefined;
  readonly log: Log;
}

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const CANDIDATES_MAX = 16;

const keyOf = ({ address, port }: Pick<Remote, 'address' | 'port'>): string => `${address} ${port}`;

/** Addresses of this machine at which others may reach it. */
const hostAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);

const bind = (type: 'udp4' | 'udp6', port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    const onError = (error: Error) => {
      socket.close();
      reject(error);
    };
    socket.once('error', onError);
    socket.bind(port, type === 'udp4' ? '0.0.0.0' : '::', () => {
      socket.off('error', onError);
      resolve(socket);
    });
  });

const isInUse = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');

/** Any port, or the first free one of the range from a place by chance: several processes may share a range. */
const bindFree = async (type: 'udp4' | 'udp6', ports: MediaPortOptions['ports']): Promise<Socket> => {
  if (ports === undefined) return bind(type, 0);
  const [first, last] = ports;
  const count = last - first + 1;
  const start = Math.floor(Math.random() * count);
  for (let tried = 0; tried < count; tried += 1) {
    try {
      return await bind(type, first + ((start + tried) % count));
    } catch (error) {
      if (!isInUse(error)) throw error;
    }
  }
  throw new Error(`No UDP port from ${first} to ${last} is free`);
};

const closeSocket = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      // Closed already.
      resolve();
    }
  });

export const createMediaPort = ({ addresses, ports, log }: MediaPortOptions): MediaPort => {
  const byUsername = new Map<string, Receiver>();
  const byAddress = new Map<string, Receiver>();
  let opening: Promise<readonly Socket[]> | null = null;
  let isClosed = false;

  const receive = (packet: Buffer, from: Remote): void => {
    const first = packet[0];
    if (first === undefined) return;
    // RFC 7983: what begins with 0 to 3 is STUN.
    if (first > 3) {
      byAddress.get(keyOf(from))?.onPacket(packet, from);
      return;
    }
    const request = readBindingRequest(packet);
    if (request === null) return;
    const [ours = ''] = request.username.split(':', 1);
    byUsername.get(ours)?.onBindingRequest(request, ours, from);
  };

  const openSocket = async (type: 'udp4' | 'udp6'): Promise<Socket> => {
    const socket = await bindFree(type, ports);
    socket.on('message', (packet, { address, port }) => {
      try {
        receive(packet, { address, port, socket });
      } catch (error) {
        // One packet must not end the process, whatever is in it.
        log.debug({ err: error }, 'a packet of audio could not be taken');
      }
    });
    socket.on('error', (error) => {
      log.error({ err: error }, 'the port of audio broke; the next offer opens another one');
      opening = null;
      void closeSocket(socket);
    });
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch (error) {
      log.debug({ err: error }, 'the receive buffer of audio stays as it is');
    }
    return socket;
  };

  const openSockets = async (): Promise<readonly Socket[]> => {
    const sockets = [await openSocket('udp4')];
    if ([...addresses, ...hostAddresses()].some((address) => !isIPv4(address)))
      try {
        sockets.push(await openSocket('udp6'));
      } catch (error) {
        log.warn({ err: error }, 'no audio over IPv6: no port could be opened');
      }
    return sockets;
  };

  const open = async (): Promise<readonly Socket[]> => {
    if (isClosed) throw new AppError('SERVICE_UNAVAILABLE');
    opening ??= openSockets();
    try {
      return await opening;
    } catch (error) {
      opening = null;
      log.error({ err: error }, 'no port of audio could be opened');
      throw new AppError('SERVICE_UNAVAILABLE', { message: 'No port of audio can be opened', cause: error });
    }
  };

  return {
    async localCandidates() {
      const sockets = await open();
      const own = [...new Set([...addresses, ...hostAddresses()])];
      // A machine without a network calls itself.
      const told = own.length === 0 ? ['127.0.0.1'] : own.slice(0, CANDIDATES_MAX);
      return told.flatMap((address) => {
        const family = isIPv4(address) ? 'IPv4' : 'IPv6';
        const socket = sockets.find((candidate) => candidate.address().family === family);
        return socket === undefined ? [] : [{ address, port: socket.address().port }];
      });
    },
    listen(iceUsername, receiver) {
      byUsername.set(iceUsername, receiver);
    },
    unlisten(iceUsername) {
      byUsername.delete(iceUsername);
    },
    claim(from, receiver) {
      const holder = byAddress.get(keyOf(from));
      if (holder === receiver) return true;
      // Who can send with a foreign address must not take the packets of the call that has it.
      if (holder?.isHeard() === true) return false;
      byAddress.set(keyOf(from), receiver);
      return true;
    },
    unclaim(from, receiver) {
      if (byAddress.get(keyOf(from)) === receiver) byAddress.delete(keyOf(from));
    },
    send(packet, { socket, port, address }) {
      try {
        // The callback takes the error: without it, some are thrown as an event that nobody hears.
        socket.send(packet, port, address, () => undefined);
      } catch {
        // The socket is closed, or nobody can have that port.
      }
    },
    async close() {
      isClosed = true;
      const sockets = await (opening ?? Promise.resolve([])).catch(() => []);
      opening = null;
      await Promise.all(sockets.map(closeSocket));
      byUsername.clear();
      byAddress.clear();
    },
  };
};
