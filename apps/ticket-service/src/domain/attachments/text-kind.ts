import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';

export const UTF8_TEXT = 'text/plain; charset=utf-8';
/** Of an encoding that its sender did not name, and that the bytes do not tell: Latin-1, Windows-1252 and their like. */
const EIGHT_BIT_TEXT = 'text/plain';

/** Whatever else is said of a file whose content is text: these types are true of any. */
const TEXT_BY_NATURE = new RegExp(
  `^(?:text/.+|message/(?:rfc822|global|http|delivery-status)|(?:application|image|audio)/(?:.+\\+(?:json|xml|yaml)|(?:x-)?(?:${[
    'json|json5|json-seq|jsonl|jsonlines|ndjson|xml|xml-dtd|csv|yaml|toml|ini|sql|graphql|www-form-urlencoded',
    'javascript|ecmascript|typescript|sh|csh|shellscript|php|httpd-php|httpd-php-source|python|ruby|perl|tcl|java',
    'log|patch|diff|mbox|mime|ics|vcard|subrip|mpegurl|rtf|tex|latex|troff|postscript|plist',
    'pem-file|x509-ca-cert|pkix-cert|pgp-signature|pgp-keys|pgp-encrypted',
    // As which systems send CSV, RTF and HTML that Excel or Word shall open.
    'vnd\\.ms-excel|msword',
  ].join('|')})))$`,
);

export const isTextByNature = (type: string): boolean => TEXT_BY_NATURE.test(type);

const ALLOWED_CONTROLS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);
/** But for tab, line ends, form feed and the escape of terminals. */
const CONTROLS = [...Array(0x20).keys(), 0x7f].filter((byte) => !ALLOWED_CONTROLS.has(byte));

/** Looked for as bytes: 20 MB made into characters would hold up everybody else for half a second. */
export const hasControls = (bytes: Uint8Array): boolean => CONTROLS.some((byte) => bytes.includes(byte));

/** Of bytes without control characters: UTF-8, or text in one of the encodings in which any bytes are text. */
export const textKindOf = (bytes: Uint8Array): string => (isUtf8(bytes) ? UTF8_TEXT : EIGHT_BIT_TEXT);

const CONTROL_CHARACTERS = new RegExp(
  `[${CONTROLS.map((code) => `\\x${code.toString(16).padStart(2, '0')}`).join('')}]`,
);
/** Of those that are made into characters at a time, between which others have their turn: 2 ms. */
const PART_BYTES = 1024 ** 2;

/** What its byte order mark says it is, if it is text. */
export const utf16Of = (bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null => {
  const mark = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  if (mark === 0xfffe) return 'utf-16le';
  return mark === 0xfeff ? 'utf-16be' : null;
};

/** Windows writes text so. Null where there is no byte order mark, or where what follows is no text. */
export const utf16KindOf = async (bytes: Uint8Array): Promise<string | null> => {
  const encoding = utf16Of(bytes);
  if (encoding === null) return null;
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      const text = decoder.decode(bytes.subarray(at, at + PART_BYTES), { stream: true });
      if (CONTROL_CHARACTERS.test(text)) return null;
      await setImmediate();
    }
    decoder.decode();
    return `text/plain; charset=${encoding}`;
  } catch {
    return null;
  }
};
