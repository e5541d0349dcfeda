import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** Whoever reads an answer at the other end of a connection. */
export interface Reader {
  /** It has all of it, or has left. */
  readonly isGone: boolean;
  onGone(listener: () => void): void;
  cut(): void;
}

/**
 * The reader of an answer, whose connection ends with it. That an answer is closed says no more than that the kernel has its bytes,
 * and it takes 3 MB for a reader that reads nothing; but who is told that nothing follows ends his side when he has read the rest.
 */
export const readerOf = (response: ServerResponse): Reader => {
  const { socket } = response;
  response.shouldKeepAlive = false;
  // Node would let go of the connection as soon as the kernel has the bytes.
  if (socket instanceof Socket) socket.destroySoon = () => socket.end();
  const mayBeUnread = () => response.writableFinished && socket instanceof Socket && !socket.destroyed;
  return {
    get isGone() {
      return (response.closed || response.destroyed) && !mayBeUnread();
    },
    onGone(listener) {
      response.once('close', () => {
        if (mayBeUnread()) socket?.once('close', listener);
        else listener();
      });
    },
    cut() {
      response.destroy();
      socket?.destroy();
    },
  };
};
