import { createHash } from 'node:crypto';
import { AppError, AUDIO_BYTES_MAX, errors, sniffAudioKind } from '@switchboard/contracts';

/** Where the recording of a job is: with us, or at an address that ai-service fetches it from. */
export type Recording =
  | {
      readonly source: 'stored';
      readonly content: Uint8Array;
      readonly sha256: string;
      /** What its first bytes say it is: wav, mp3, … */
      readonly kind: string;
    }
  | { readonly source: 'url'; readonly url: string };

const DATA_URL_HEAD = /^data:[^,]{0,200}?(;base64)?,/i;
const HTTP_URL = /^https?:\/\//i;

const tooLarge = () =>
  new AppError('PAYLOAD_TOO_LARGE', {
    message: `The recording is larger than ${AUDIO_BYTES_MAX} bytes`,
    details: { max_bytes: AUDIO_BYTES_MAX },
  });

const decodeBase64 = (text: string): Uint8Array => {
  // Before it is decoded: what is far too large shall not cost the memory of its decoded form. A third of the text
  // may be line breaks.
  if (text.length > AUDIO_BYTES_MAX * 2) throw tooLarge();
  try {
    // Line breaks are taken, everything else that base64 does not know is not: a wrong recording is told now.
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' });
  } catch (cause) {
    throw new AppError('INVALID_AUDIO_FILE', {
      message: 'audio_file is neither an http(s) URL nor a data: URL, and not valid base64',
      cause,
    });
  }
};

const decodeDataUrl = (text: string): Uint8Array => {
  const [head, base64] = DATA_URL_HEAD.exec(text) ?? [];
  if (!head || !base64) throw errors.invalidAudio('A data: URL must be base64: data:audio/wav;base64,…');
  return decodeBase64(text.slice(head.length));
};

/** Takes the bytes of a recording as they are, told by their content. */
export const storeRecording = (content: Uint8Array): Recording => {
  if (content.byteLength === 0) throw errors.invalidAudio('The recording is empty: it has 0 bytes');
  if (content.byteLength > AUDIO_BYTES_MAX) throw tooLarge();
  const kind = sniffAudioKind(content);
  if (kind === null) {
    throw errors.invalidAudio('The recording is not wav, mp3, m4a/mp4, ogg, webm or flac by its content', {
      accepted: ['wav', 'mp3', 'm4a', 'ogg', 'webm', 'flac'],
    });
  }
  return { source: 'stored', content, kind, sha256: createHash('sha256').update(content).digest('hex') };
};

/**
 * Reads `audio_file`: base64, a `data:` URL, an http(s) URL, or the bytes of a multipart file.
 *
 * @param checkUrl refuses an address that may not be fetched, and gives it in its normal form
 * @throws INVALID_AUDIO_FILE, PAYLOAD_TOO_LARGE
 */
export const readAudio = (audioFile: string | Uint8Array, checkUrl: (url: string) => string): Recording => {
  if (typeof audioFile !== 'string') return storeRecording(audioFile);
  const text = audioFile.trim();
  if (HTTP_URL.test(text)) return { source: 'url', url: checkUrl(text) };
  return storeRecording(/^data:/i.test(text) ? decodeDataUrl(text) : decodeBase64(text));
};
