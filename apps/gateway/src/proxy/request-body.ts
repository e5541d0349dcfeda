import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { type AppError, errors } from '@switchboard/contracts';

/**
 * Up to this a body is read before it is sent on, so that the request can be sent again when the service dies under it.
 * Larger ones stream, and are not read before the connection stands.
 */
const BUFFERED_BYTES_MAX = 1024 * 1024;
/** All buffered bodies together; beyond it, bodies stream. */
const BUFFERED_BYTES_BUDGET = 128 * 1024 * 1024;
let bufferedBytes = 0;

export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly bytes: Buffer; release(): void }
  /** Can be sent once: `open` gives a stream that takes from the socket only as fast as it is read. */
  | { readonly kind: 'stream'; open(): Readable; readonly consumed: boolean; release(): void };

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
  #begun = false;
  #bytes = 0;

  constructor(source: IncomingMessage, bytesMax: number, onBegin: () => void) {
    super();
    this.#source = source;
    this.#bytesMax = bytesMax;
    this.#onBegin = onBegin;
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
    if (!this.push(chunk)) this.#source.pause();
  };
  readonly #onEnd = (): void => void this.push(null);
  readonly #onAborted = (): void => void this.destroy(new CallerGone());

  override _read(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#onBegin();
      this.#source.on('data', this.#onData).once('end', this.#onEnd).once('error', this.#onAborted);
    }
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onAborted);
    // An IncomingMessage that is cut off emits an error: without a listener it would end the process.
    this.#source.on('error', () => {});
    done(error);
  }
}

const readWhole = (request: IncomingMessage, length: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .once('end', () =>
        resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, length)),
      )
      .once('error', () => reject(new CallerGone()));
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
 * @throws PAYLOAD_TOO_LARGE
 */
export const takeBody = (
  request: IncomingMessage,
  response: ServerResponse,
  bytesMax: number,
): RequestBody | Promise<RequestBody> => {
  if (!carriesBody(request)) return NONE;
  const said = request.headers['content-length'];
  const length = said === undefined ? null : Number(said);
  if (length !== null && length > bytesMax) throw tooLarge(bytesMax);
  if (length !== null && length <= BUFFERED_BYTES_MAX && bufferedBytes + length <= BUFFERED_BYTES_BUDGET) {
    bufferedBytes += length;
    let held = true;
    const release = () => {
      if (held) bufferedBytes -= length;
      held = false;
    };
    askForBody(request, response);
    return readWhole(request, length).then(
      (bytes): RequestBody => ({ kind: 'whole', bytes, release }),
      (error) => {
        release();
        throw error;
      },
    );
  }
  let stream: BodyStream | null = null;
  return {
    kind: 'stream',
    get consumed() {
      return stream?.consumed ?? false;
    },
    open() {
      stream = new BodyStream(request, bytesMax, () => askForBody(request, response));
      return stream;
    },
    release: () => stream?.destroy(),
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
