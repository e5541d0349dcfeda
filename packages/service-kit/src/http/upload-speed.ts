import type { IncomingMessage } from 'node:http';
import { AppError, errors } from '@switchboard/contracts';

/** How a body has to come for which memory is kept. */
export interface UploadSpeed {
  /** After so long, and again each time, it is looked at. */
  readonly graceSeconds: number;
  /** On average since it began. */
  readonly bytesPerSecondMin: number;
}

/**
 * Slower than any line on which somebody waits for an upload, and quick enough that keeping a share costs about what it holds:
 * 20 MB announced and dribbled in are given back after ten seconds, and not after the two minutes that a request may take.
 */
export const UPLOAD_SPEED: UploadSpeed = { graceSeconds: 10, bytesPerSecondMin: 64_000 };

/** Asked at each look with the bytes that came so far: whether they are too few, or none came since the last look. */
export const createSpeedCheck = ({ graceSeconds, bytesPerSecondMin }: UploadSpeed) => {
  let seconds = 0;
  let bytesBefore = 0;
  return (bytes: number): boolean => {
    seconds += graceSeconds;
    const standsStill = bytes === bytesBefore;
    bytesBefore = bytes;
    return standsStill || bytes < seconds * bytesPerSecondMin;
  };
};

const refusals = new WeakSet<AppError>();

const tooSlow = ({ bytesPerSecondMin }: UploadSpeed): AppError => {
  const kilobytes = Math.ceil(bytesPerSecondMin / 1000);
  const message = `came too slowly, or stopped: send at least ${kilobytes} kB a second`;
  const error = errors.invalidInput([{ field: 'body', message }]);
  refusals.add(error);
  return error;
};

/** Whether an error says that a body came too slowly: nobody waits for the rest of it. */
export const isTooSlow = (error: unknown): boolean => error instanceof AppError && refusals.has(error);

/**
 * Ends the reading of a body that comes too slowly. Whoever reads it gets the refusal as an error of the body and answers
 * with it; the connection stands until then. What came is counted at the socket: a listener for data would begin the
 * reading before its reader is there.
 *
 * @param onEnd called when it was ended
 * @returns ends looking
 */
export const endWhenTooSlow = (
  body: IncomingMessage,
  speed: UploadSpeed,
  onEnd: () => void,
): (() => void) => {
  const { socket } = body;
  const bytesBegun = socket.bytesRead;
  const isSlow = createSpeedCheck(speed);
  // It may be that nobody reads: an error that nobody hears would end the process.
  body.on('error', () => {});
  const timer = setInterval(() => {
    if (!body.complete && !isSlow(socket.bytesRead - bytesBegun)) return;
    clearInterval(timer);
    if (body.complete) return;
    onEnd();
    body.emit('error', tooSlow(speed));
  }, speed.graceSeconds * 1000);
  return () => clearInterval(timer);
};
