import { Client, type Dispatcher } from 'undici';

const CLOSED_BY_THE_OTHER_SIDE = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

const isClosedByTheOtherSide = (error: Error): boolean =>
  'code' in error && CLOSED_BY_THE_OTHER_SIDE.has(String(error.code));

/** A stream would be used up by the first sending. */
const canBeSentAgain = ({ body }: Dispatcher.DispatchOptions): boolean =>
  body === null || body === undefined || typeof body === 'string' || body instanceof Uint8Array;

/**
 * One connection, as undici's own client, but for one thing: the other side may close an idle connection in the moment
 * that a request goes out on it. undici then fails what is not idempotent, a POST for instance. Here the request goes
 * out once more, on a connection of its own, if the old one had served before and not a byte of an answer came. So
 * do browsers and Go's client; whoever gets it twice knows it by its id.
 */
export class ReusingClient extends Client {
  /** On the connection that stands. */
  #answers = 0;

  constructor(origin: string | URL, options: Client.Options) {
    super(origin, options);
    this.on('connect', () => {
      this.#answers = 0;
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (!canBeSentAgain(options)) return super.dispatch(options, handler);
    let isReused = false;
    let isAnswered = false;
    let isSentAgain = false;
    return super.dispatch(options, {
      onRequestStart: (controller, context) => {
        isReused = this.#answers > 0;
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...event) => handler.onRequestUpgrade?.(...event),
      onResponseStart: (...event) => {
        isAnswered = true;
        handler.onResponseStart?.(...event);
      },
      onResponseData: (...event) => handler.onResponseData?.(...event),
      onResponseEnd: (...event) => {
        this.#answers += 1;
        handler.onResponseEnd?.(...event);
      },
      onResponseError: (controller, error) => {
        if (isReused && !isAnswered && !isSentAgain && isClosedByTheOtherSide(error)) {
          isSentAgain = true;
          super.dispatch(options, handler);
        } else {
          handler.onResponseError?.(controller, error);
        }
      },
    });
  }
}
