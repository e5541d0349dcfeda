import { isUtf8 } from 'node:buffer';
import { errors } from '@switchboard/contracts';
import { fileTypeFromBuffer } from 'file-type';
import { readZip, type ZipEntry } from './zip-directory.ts';

/**
 * TERMINOLOGY — *kind*: the content type that a file is stored and served with. The content alone decides it: a picture, a PDF,
 * sound, video, a zip or office document, or text. Whatever is text is `text/plain`, HTML and SVG too: nothing that a browser
 * would run is served as what it is.
 *
 * A file that says it is something else is refused, with these exceptions: `application/octet-stream` and `text/…` say nothing,
 * and other types that are text by nature (JSON, XML, SVG, scripts; spreadsheets, as which some systems send CSV) are true of
 * any text. Extensions are not compared, but for those of programs: a program is never taken, and nothing is to look like one.
 */
const TEXT = 'text/plain; charset=utf-8';
const ZIP = 'application/zip';
const OFFICE = 'application/vnd.openxmlformats-officedocument';

/** What file-type says, and what we call it. */
const KINDS = new Map([
  ['image/png', 'image/png'],
  ['image/apng', 'image/png'],
  ['image/jpeg', 'image/jpeg'],
  ['image/gif', 'image/gif'],
  ['image/webp', 'image/webp'],
  ['image/heic', 'image/heic'],
  ['image/heif', 'image/heif'],
  ['image/heic-sequence', 'image/heic'],
  ['image/heif-sequence', 'image/heif'],
  ['image/avif', 'image/avif'],
  ['application/pdf', 'application/pdf'],
  ['audio/mpeg', 'audio/mpeg'],
  ['audio/wav', 'audio/wav'],
  ['audio/ogg', 'audio/ogg'],
  ['audio/ogg; codecs=opus', 'audio/ogg'],
  ['video/ogg', 'video/ogg'],
  ['application/ogg', 'audio/ogg'],
  ['audio/mp4', 'audio/mp4'],
  ['audio/x-m4a', 'audio/mp4'],
  ['video/mp4', 'video/mp4'],
  ['video/x-m4v', 'video/mp4'],
  ['video/webm', 'video/webm'],
]);

/** Other names of a kind, and kinds that one cannot tell apart from the other: containers of sound and video. */
const SAME = new Map([
  ['image/jpg', 'image/jpeg'],
  ['image/pjpeg', 'image/jpeg'],
  ['image/x-png', 'image/png'],
  ['image/apng', 'image/png'],
  ['image/heif', 'image/heic'],
  ['application/x-pdf', 'application/pdf'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/x-mpeg', 'audio/mpeg'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/vnd.wave', 'audio/wav'],
  ['video/ogg', 'audio/ogg'],
  ['application/ogg', 'audio/ogg'],
  ['audio/opus', 'audio/ogg'],
  ['audio/x-m4a', 'video/mp4'],
  ['audio/m4a', 'video/mp4'],
  ['audio/mp4', 'video/mp4'],
  ['video/x-m4v', 'video/mp4'],
  ['audio/webm', 'video/webm'],
  ['application/x-zip-compressed', ZIP],
  ['application/x-zip', ZIP],
]);

const PROGRAM = /\.(?:exe|com|scr|pif|msi|msp|dll|cpl|sys|lnk|jar|apk|app|hta|chm|elf|so|dylib|deb|rpm)$/i;
const TEXT_BY_NATURE =
  /^(?:application|image)\/(?:.*\+(?:json|xml)|json|x?-?ndjson|jsonl|xml|csv|yaml|x-yaml|toml|sql|javascript|x-javascript|ecmascript|typescript|x-sh|x-php|x-python|rtf|x-subrip|vnd\.ms-excel|x-www-form-urlencoded)$/;
const ALLOWED_CONTROLS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);
/** But for tab, line ends, form feed and the escape of terminals. */
const CONTROLS = [...Array(0x20).keys(), 0x7f].filter((byte) => !ALLOWED_CONTROLS.has(byte));

const refuse = (message: string) => errors.invalidInput([{ field: 'file', message }]);

/** Looked for as bytes: 20 MB made into characters would hold up everybody else for half a second. */
const isText = (bytes: Uint8Array): boolean =>
  isUtf8(bytes) && !CONTROLS.some((byte) => bytes.includes(byte));

const OFFICE_PARTS = [
  ['word/', `${OFFICE}.wordprocessingml.document`],
  ['xl/', `${OFFICE}.spreadsheetml.sheet`],
  ['ppt/', `${OFFICE}.presentationml.presentation`],
] as const;
const OPEN_DOCUMENTS = new Set([
  'application/vnd.oasis.opendocument.text',
  'application/vnd.oasis.opendocument.spreadsheet',
]);
const OPEN_DOCUMENT_BYTES_MAX = 100;

const kindOfZip = (bytes: Uint8Array, entries: readonly ZipEntry[]): string => {
  const names = entries.map(({ name }) => name);
  if (names.includes('[Content_Types].xml') && !names.some((name) => name.endsWith('vbaProject.bin'))) {
    const office = OFFICE_PARTS.find(([part]) => names.some((name) => name.startsWith(part)));
    if (office) return office[1];
  }
  const [first] = entries;
  if (first?.name === 'mimetype' && first.isStored && first.packedBytes <= OPEN_DOCUMENT_BYTES_MAX) {
    const said = Buffer.from(bytes.subarray(first.start, first.start + first.packedBytes)).toString('latin1');
    if (OPEN_DOCUMENTS.has(said)) return said;
  }
  return ZIP;
};

const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 &&
  bytes[1] === 0x4b &&
  [0x0304, 0x0506, 0x0708].includes(((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0));

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

const kindOf = async (bytes: Uint8Array): Promise<string> => {
  if (isZip(bytes)) {
    const zip = readZip(bytes);
    if ('fault' in zip) throw refuse(`is a zip ${zip.fault}`);
    return kindOfZip(bytes, zip.entries);
  }
  // It would be unpacked in order to be named, and is not taken.
  if (isGzip(bytes)) throw refuse('is of a kind that is not taken here (application/gzip)');
  const found = await fileTypeFromBuffer(bytes).catch(() => undefined);
  const kind = found && KINDS.get(found.mime);
  if (kind) return kind;
  if (isText(bytes)) return TEXT;
  throw refuse(`is of a kind that is not taken here${found ? ` (${found.mime})` : ''}`);
};

const isTrue = (declared: string, kind: string): boolean => {
  if (declared === '' || declared === 'application/octet-stream' || declared.startsWith('text/')) return true;
  if (kind === TEXT) return TEXT_BY_NATURE.test(declared);
  const same = SAME.get(declared) ?? declared;
  // Office documents are zips.
  return same === (SAME.get(kind) ?? kind) || (same === ZIP && /openxml|opendocument/.test(kind));
};

/**
 * The kind of a file, by its content.
 *
 * @param said what its sender calls it
 * @throws INVALID_INPUT on `file`: empty, of a kind that is not taken, a zip that is not harmless, or not what was said
 */
export const contentKindOf = async (
  bytes: Uint8Array,
  said: { readonly fileName: string; readonly contentType: string | undefined },
): Promise<string> => {
  if (bytes.length === 0) throw refuse('must not be empty');
  const kind = await kindOf(bytes);
  const declared = (said.contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!isTrue(declared, kind)) {
    throw refuse(`says it is ${declared.slice(0, 100)}, and its content is ${kind.split(';', 1)[0]}`);
  }
  const program = PROGRAM.exec(said.fileName)?.[0];
  if (program)
    throw refuse(`is called ${program} like a program, and its content is ${kind.split(';', 1)[0]}`);
  return kind;
};
