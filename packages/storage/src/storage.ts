import type { Readable } from 'node:stream';

/**
 * TERMINOLOGY — *object*: bytes under a key, written once and never changed. *Key*: lower-case letters, digits, `-`, `_` and
 * `/`, chosen by us and never by a caller.
 */
export interface StoredObject {
  readonly sizeBytes: number;
  readonly body: Readable;
}

/** Where files are: a local directory, or anything that speaks the API of S3. */
export interface Storage {
  /** Stores an object, whole or not at all: nobody ever reads a part of it. Again: the same. */
  put(key: string, bytes: Uint8Array, options: { readonly contentType: string }): Promise<void>;
  /** Null where there is none. */
  get(key: string): Promise<StoredObject | null>;
  /** What is not there is deleted already. */
  delete(key: string): Promise<void>;
  /** Throws, in words an operator can act on, when nothing can be stored there. */
  check(): Promise<void>;
}
