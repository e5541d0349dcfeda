import type { Dispatcher } from 'undici';
import type { Answer } from '../deliveries/types.ts';

export const ANSWER_BYTES_MAX = 16_384;
/** An answer's status is its outcome; a body that trickles must not hold a slot for the whole timeout. */
export const ANSWER_BODY_MS_MAX = 2_000;

/** As text that Postgres takes: it has no NUL. */
const toText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replaceAll('\u0000', '\ufffd');

/**
 * Reads at most 16 kB and two seconds of a body. Whatever comes after that, or goes wrong, is cut off: the answer is
 * the status and what was read. Only a body read to its end leaves the connection open for the next attempt.
 */
const readStart = async (body: Dispatcher.ResponseData['body']): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // A cut emits an error after nobody reads any more; without a listener it would end the process.
  body.on('error', () => undefined);
  const timer = setTimeout(() => body.destroy(), ANSWER_BODY_MS_MAX);
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= ANSWER_BYTES_MAX) break;
    }
  } catch {
    // Cut off by the other side or by the timer: what came before counts.
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return toText(Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX));
};

/** Own properties, whatever their names: a header may be called __proto__. */
const plainHeaders = (headers: Dispatcher.ResponseData['headers']): Answer['headers'] =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );

export const readAnswer = async (response: Dispatcher.ResponseData): Promise<Answer> => ({
  status: response.statusCode,
  headers: plainHeaders(response.headers),
  body: await readStart(response.body),
});
