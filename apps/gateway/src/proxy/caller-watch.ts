/**
 * Whether the caller of a request is still there. One listener at a time: whoever works on the request now, so nobody
 * has to remember to stop listening.
 */
export class CallerWatch {
  gone = false;
  #listener: (() => void) | null = null;

  /** Calls back when the caller goes, instead of whoever was called before. */
  onGone(listener: () => void): void {
    this.#listener = listener;
  }

  left(): void {
    this.gone = true;
    this.#listener?.();
  }
}
