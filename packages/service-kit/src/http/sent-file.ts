/** What a sender said of a file beside its bytes. None of it need be true. */
export interface SentFile {
  readonly fileName: string | undefined;
  readonly contentType: string | undefined;
}

/** Beside the bodies and not in them: most handlers want the bytes alone, and a body is what its schema says. */
const sentFiles = new WeakMap<Uint8Array, SentFile>();

export const noteSentFile = (bytes: Uint8Array, file: SentFile): void => {
  sentFiles.set(bytes, file);
};

/** Of a file of a form: what its part said of it. */
export const sentFileOf = (bytes: Uint8Array): SentFile =>
  sentFiles.get(bytes) ?? { fileName: undefined, contentType: undefined };
