import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { AppError, errors } from '@switchboard/contracts';

/**
 * Up to this a body is read before it is sent on, so that the request can be sent again when the service dies under it, and
 * so that a caller who sends slowly holds no connection to the service. Larger ones stream, and are not read before the
 * connection stands.
 */
const BUFFERED_BYTES_MAX = 1024 * 1024;
/** Bytes that are held of all bodies together, and of one caller's. */
const HELD_BYTES_MAX = 128 * 1024 * 1024;
const HELD_BYTES_OF_ONE_MAX = 32 * 1024 * 1024;
/** Each streamed body takes a connection to the service for as long as its caller sends: a few for each caller. */
const STREAMS_OF_ONE_MAX = 32;
const RETRY_AFTER_SECONDS = '1';

/** What callers take up here at the moment. The count of one that has nothing here is not kept. */
class Room {
  #bytes = 0;
  readonly #bytesOf = new Map<string, number>();
  readonly #streamsOf = new Map<string, number>();

  #add(counts: Map<string, number>, caller: string, by: number): number {
    const count = (counts.get(caller) ?? 0) + by;
    if (count === 0) counts.delete(caller);
    else counts.set(caller, count);
    return count;
  }

  /** Counts bytes that came; false when there is no room for them. */
  hold(caller: string, bytes: number): boolean {
    this.#bytes += bytes;
    return this.#add(this.#bytesOf, caller, bytes) <= HELD_BYTES_OF_ONE_MAX && this.#bytes <= HELD_BYTES_MAX;
  }

  free(caller: string, bytes: number): void {
    this.#bytes -= bytes;
    this.#add(this.#bytesOf, caller, -bytes);
  }

  /** Counts a stream; false when the caller has too many. */
  beginStream(caller: string): boolean {
    return this.#add(this.#streamsOf, caller, 1) <= STREAMS_OF_ONE_MAX;
  }

  endStream(caller: string): void {
    this.#add(this.#streamsOf, caller, -1);
  }
}
const room = new Room();

const noRoom = (): AppError =>
  new AppError('SERVICE_UNAVAILABLE', {
    message: 'Too many requests of this credential are being received at once; try again shortly',
    headers: { 'retry-after': RETRY_AFTER_SECONDS },
  });

/** Throws when a request may not go on (any more): at once, or later when that has to be asked. */
export type MayGoOn = () => void | Promise<void>;

export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly bytes: Buffer; release(): void }
  /**
   * Can be sent once: `open` gives a stream that takes from the socket only as fast as it is read. Each part of it, and its
   * end, goes on only when the caller may still send it; otherwise the stream breaks off with what `mayGoOn` throws.
   */
  | {
      readonly kind: 'stream';
      open(mayGoOn: MayGoOn): Readable;
      readonly consumed: boolean;
      release(): void;
    };

const NONE: RequestBody = { kind: 'none' };

const tooLarge = (bytesMax: number): AppError => errors.payloadTooLarge(bytesMax);

/** `Expect: 100-continue`: the caller waits for this before it sends a body, and sends none when it is refused instead. */
const askForBody = (request: IncomingMessage, response: ServerResponse): void => {
  if (request.headers.expect !== undefined && !response.headersSent) response.writeContinue();
};

/** The caller hung up before the request was whole: there is nobody to answer. */
export class CallerGone extends Error {
  constructor() {
    super('the caller went away');
    this.name = 'CallerGone';
  }
}

/** The caller's body as a stream that can be dropped without dropping the caller's connection. */
class BodyStream extends Readable {
  readonly #source: IncomingMessage;
  readonly #bytesMax: number;
  readonly #onBegin: () => void;
  readonly #mayGoOn: MayGoOn;
  #begun = false;
  #asks = false;
  #bytes = 0;

  constructor(source: IncomingMessage, bytesMax: number, onBegin: () => void, mayGoOn: MayGoOn) {
    super();
    this.#source = source;
    this.#bytesMax = bytesMax;
    this.#onBegin = onBegin;
    this.#mayGoOn = mayGoOn;
  }

  /** True once a byte was taken from the caller: it cannot be sent again. */
  get consumed(): boolean {
    return this.#bytes > 0;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) {
      this.destroy(tooLarge(this.#bytesMax));
      return;
    }
    this.#passOn(chunk);
  };
  readonly #onEnd = (): void => {
    this.#passOn(null);
  };
  readonly #onAborted = (): void => void this.destroy(new CallerGone());

  /** @param part null: the end */
  #passOn(part: Buffer | null): void {
    let asked: void | Promise<void>;
    try {
      asked = this.#mayGoOn();
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (!asked) {
      this.#push(part);
      return;
    }
    this.#asks = true;
    this.#source.pause();
    asked.then(
      () => {
        this.#asks = false;
        if (this.destroyed) return;
        this.#source.resume();
        this.#push(part);
      },
      (error) => this.destroy(error),
    );
  }

  #push(part: Buffer | null): void {
    if (!this.push(part)) this.#source.pause();
  }

  override _read(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#onBegin();
      this.#source.on('data', this.#onData).once('end', this.#onEnd).once('error', this.#onAborted);
    }
    if (!this.#asks) this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onAborted);
    // An IncomingMessage that is cut off emits an error: without a listener it would end the process.
    this.#source.on('error', () => {});
    done(error);
  }
}

/** Reads a whole body; what is held of it counts as it comes, not as it was announced. */
const readWhole = (request: IncomingMessage, bytesMax: number, caller: string): Promise<RequestBody> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const free = () => {
      room.free(caller, bytes);
      bytes = 0;
    };
    const fail = (error: Error) => {
      request.off('data', onData).off('end', onEnd);
      free();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      const fits = room.hold(caller, chunk.length);
      if (bytes > bytesMax) fail(tooLarge(bytesMax));
      else if (!fits) fail(noRoom());
      else chunks.push(chunk);
    };
    const onEnd = () =>
      resolve({
        kind: 'whole',
        bytes: chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, bytes),
        release: free,
      });
    request
      .on('data', onData)
      .once('end', onEnd)
      .once('error', () => fail(new CallerGone()));
  });

const WITHOUT_BODY = new Set(['GET', 'HEAD']);

/** Whether the request carries a body that goes on: GET and HEAD give none a meaning (RFC 9110, 9.3.1). */
const carriesBody = ({ method = '', headers }: IncomingMessage): boolean =>
  !WITHOUT_BODY.has(method) &&
  (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0');

/**
 * Takes in what the caller sends.
 *
 * @param bytesMax the route's limit, held by what Content-Length says and again by what really comes
 * @param caller whose body it is: what one caller takes up here is bounded
 * @throws PAYLOAD_TOO_LARGE, SERVICE_UNAVAILABLE
 */
export const takeBody = (
  request: IncomingMessage,
  response: ServerResponse,
  bytesMax: number,
  caller: string,
): RequestBody | Promise<RequestBody> => {
  if (!carriesBody(request)) return NONE;
  const said = request.headers['content-length'];
  const length = said === undefined ? null : Number(said);
  if (length !== null && length > bytesMax) throw tooLarge(bytesMax);
  if ((length ?? bytesMax) <= BUFFERED_BYTES_MAX) {
    askForBody(request, response);
    return readWhole(request, bytesMax, caller);
  }
  if (!room.beginStream(caller)) {
    room.endStream(caller);
    throw noRoom();
  }
  let stream: BodyStream | null = null;
  let released = false;
  return {
    kind: 'stream',
    get consumed() {
      return stream?.consumed ?? false;
    },
    open(mayGoOn) {
      stream = new BodyStream(request, bytesMax, () => askForBody(request, response), mayGoOn);
      return stream;
    },
    release() {
      if (!released) room.endStream(caller);
      released = true;
      stream?.destroy();
    },
  };
};

/** How long what a refused caller still sends is read and thrown away, so that it sees the answer instead of a reset. */
const LEFTOVER_SECONDS = 10;

/** After the answer: takes in the rest of a body that nobody wants, for a while, then cuts the connection. */
export const limitLeftover = (request: IncomingMessage): void => {
  if (request.complete || request.destroyed) return;
  request.resume();
  const cut = setTimeout(() => request.socket.destroy(), LEFTOVER_SECONDS * 1000).unref();
  request.once('close', () => clearTimeout(cut));
};
