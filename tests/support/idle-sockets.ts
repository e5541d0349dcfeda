import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface IdleSockets {
  readonly opened: number;
  /** How many have read this since they were asked to look for it. */
  countOf(text: string): number;
  lookFor(text: string): void;
  closedByPeer(): number;
  end(): void;
}

const TRIES_MAX = 20;
const PAUSE_MS = 500;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const PING = 0x89;
/** Empty, masked with zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** The gateway let it in and then said in a frame, or by closing, that it does not follow the call. */
class NotFollowed extends Error {}

/** How many files a process may have open; as many as we have in other systems. */
export const openFilesMax = (): number => {
  if (process.platform !== 'linux') return 1_024;
  const [, soft = '1024'] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === 'unlimited' ? 1_000_000 : Number(soft);
};

/** Memory of a process that is in RAM, in bytes; null where nobody tells. */
export const residentBytes = (pid: number): number | null => {
  if (process.platform !== 'linux') return null;
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
};

/**
 * Opens sockets that only listen: an upgrade written by hand and no parser behind it, so that ten thousand fit beside what is
 * tested. Settles when each was sent its first frame; one that is sent away tries again.
 *
 * @param atOnce how many upgrades are on their way at a time
 */
export const openIdleSockets = async (
  targets: readonly { readonly url: string; readonly headers: Readonly<Record<string, string>> }[],
  atOnce: number,
): Promise<IdleSockets> => {
  const sockets: Socket[] = [];
  let wanted = '';
  let found = 0;
  let closed = 0;
  const open = ({ url: address, headers }: (typeof targets)[number]) =>
    new Promise<void>((resolve, reject) => {
      const url = new URL(address);
      const socket = connect(Number(url.port), url.hostname);
      sockets.push(socket);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(
        `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${lines.join('')}\r\n`,
      );
      let isUpgraded = false;
      let isOpen = false;
      let hasFound = '';
      const startedBy = setTimeout(
        () => reject(new Error('an idle socket got no frame in a minute')),
        60_000,
      );
      socket.on('data', (bytes) => {
        // A ping that comes alone, as it does where nothing else is said.
        if (bytes[0] === PING) socket.write(PONG);
        const text = bytes.toString('latin1');
        if (!isUpgraded && !text.startsWith('HTTP/1.1 101')) {
          reject(new Error(`an idle socket was refused: ${text.slice(0, 300)}`));
        }
        isUpgraded = true;
        if (!isOpen && text.includes('call.error')) {
          reject(new NotFollowed(`an idle socket was sent away: ${text.slice(0, 500)}`));
          socket.destroy();
        }
        if (!isOpen && text.includes('call.initialized')) {
          isOpen = true;
          clearTimeout(startedBy);
          resolve();
        }
        if (wanted !== '' && hasFound !== wanted && text.includes(wanted)) {
          hasFound = wanted;
          found += 1;
        }
      });
      socket.on('error', reject);
      socket.on('close', () => {
        if (isOpen) closed += 1;
        clearTimeout(startedBy);
        reject(new NotFollowed('an idle socket was closed before its first frame'));
      });
    });
  const openPatiently = async (target: (typeof targets)[number]) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await open(target);
      } catch (error) {
        if (!(error instanceof NotFollowed) || tries === TRIES_MAX) throw error;
        await pause(PAUSE_MS);
      }
    }
  };
  let next = 0;
  const work = async () => {
    while (next < targets.length) {
      const target = targets[next];
      next += 1;
      if (target) await openPatiently(target);
    }
  };
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } catch (error) {
    end();
    throw error;
  }
  return {
    opened: targets.length,
    lookFor(text) {
      wanted = text;
      found = 0;
    },
    countOf: (text) => (text === wanted ? found : 0),
    closedByPeer: () => closed,
    end,
  };
};
