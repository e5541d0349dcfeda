import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** What else than HTTP may be spoken on the server's connections, each with an emitter of its own for its requests. */
export interface UpgradeTaker {
  takes(request: IncomingMessage): boolean;
  readonly emitter: EventEmitter;
}

/**
 * A connection that was to be upgraded and was not is of no use: Node reads no further request from it, and none of the
 * server's timeouts applies to it. Whoever does upgrade it takes this one off.
 */
const UPGRADE_TIMEOUT_MS = 10_000;
const cut = function (this: Socket): void {
  this.destroy();
};

/**
 * The one listener for upgrades. Whoever takes some (WebSocket routes; Socket.IO) gets those alone, since each of them
 * believes that all are its own; what nobody takes is an ordinary request and gets an ordinary answer, `Upgrade: h2c` of
 * HTTP/2 clients above all.
 */
export const createUpgrades = (takers: readonly UpgradeTaker[]) => {
  const takerOf = (request: IncomingMessage) => takers.find((taker) => taker.takes(request));
  return {
    /** For the server's `shouldUpgradeCallback`. */
    shouldUpgrade: (request: IncomingMessage): boolean => takerOf(request) !== undefined,
    attachTo(server: Server): void {
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        socket.setTimeout(UPGRADE_TIMEOUT_MS, cut);
        takerOf(request)?.emitter.emit('upgrade', request, socket, head);
      });
    },
  };
};

export const createUpgradeTaker = (takes: UpgradeTaker['takes']): UpgradeTaker => ({
  takes,
  emitter: new EventEmitter(),
});
