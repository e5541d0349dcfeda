import { errors } from '@switchboard/contracts';
import { fileTypeFromBuffer } from 'file-type';
import { hasControls, isTextByNature, textKindOf, UTF8_TEXT, utf16KindOf, utf16Of } from './text-kind.ts';
import { findContentFault } from './zip-content.ts';
import { readZip, type ZipEntry } from './zip-directory.ts';

/**
 * TERMINOLOGY — *kind*: the content type that a file is stored and served with. The content alone decides it: a picture, a PDF,
 * sound, video, a zip or gzip, an office document, or text. Whatever is text is `text/plain`, HTML and SVG too: nothing that a
 * browser would run is served as what it is.
 *
 * A file that says it is something else is refused, with these exceptions: `application/octet-stream` and `text/…` say nothing,
 * and other types that are text by nature (JSON, XML, SVG, e-mail, scripts) are true of any text. Extensions are not compared,
 * but for those of programs: a program is never taken, and nothing is to look like one.
 *
 * What is in a zip or gzip has whatever name and kind it has, zips too: who unpacks them decides, and again for each.
 */
const PDF = 'application/pdf';
const MPEG = 'audio/mpeg';
const ZIP = 'application/zip';
const GZIP = 'application/gzip';
/** OLE2: the container of Office before 2007, of Office files with a password, and of Outlook's messages. */
const OLE2 = 'application/x-cfb';
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
  ['application/pdf', PDF],
  [OLE2, OLE2],
  ['audio/mpeg', MPEG],
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
  ['application/x-pdf', PDF],
  ['audio/mp3', MPEG],
  ['audio/x-mpeg', MPEG],
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
  ['application/x-gzip', GZIP],
  ['application/x-compressed', GZIP],
  ['application/x-compressed-tar', GZIP],
  ['application/x-tgz', GZIP],
  ['application/x-ole-storage', OLE2],
]);

/**
 * What mail providers refuse: what a system runs, installs or mounts when somebody opens it. Not scripts that an editor opens
 * (`js`, `sh`) nor pages (`html`, `svg`): developers attach them, and they are served as text that is to be saved.
 */
const PROGRAM = new RegExp(
  `\\.(?:${[
    'ade|adp|apk|app|appx|appxbundle|bat|cab|chm|cmd|com|cpl|deb|desktop|dll|dmg|dylib|elf|exe|hta|inf|ins|iso|isp',
    'jar|jnlp|jse|lib|library-ms|lnk|mde|msc|msi|msix|msp|mst|nsh|pif|pkg|ps1|psm1|reg|rpm|scf|scr|sct|search-ms',
    'shb|so|sys|url|vb|vbe|vbs|vhd|vhdx|vxd|wsc|wsf|wsh',
  ].join('|')})$`,
  'i',
);
const OLE2_BY_NATURE =
  /^application\/(?:msword|vnd\.ms-(?:excel|powerpoint|outlook|office|project|works)|vnd\.visio|vnd\.openxmlformats-officedocument\..+)$/;

const refuse = (message: string) => errors.invalidInput([{ field: 'file', message }]);

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
  if (names.includes('[Content_Types].xml') && !names.some((name) => /vbaproject\.bin$/i.test(name))) {
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

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 0x08;

const saysText = (declared: string): boolean => declared !== '' && isTextByNature(declared);

/**
 * What file-type found, where more speaks for it than its first bytes: GIF, MPEG and others are told by two or three, with which
 * text may begin. All kinds but PDF have control characters, and text has none. MPEG without a head of its own (ID3) begins as
 * UTF-16 does, or as text of Russians may (`я`): that is not enough against a sender who says that it is text.
 */
const kindFound = (found: string | undefined, bytes: Uint8Array, declared: string): string | undefined => {
  const kind = found && KINDS.get(found);
  if (kind === PDF || !kind) return kind;
  const isBareMpeg = kind === MPEG && Buffer.from(bytes.subarray(0, 3)).toString('latin1') !== 'ID3';
  if (isBareMpeg && (saysText(declared) || utf16Of(bytes) !== null)) return undefined;
  return hasControls(bytes) ? kind : undefined;
};

/** What is no kind of KINDS: text, or refused. */
const textOrRefuse = (found: string | undefined, bytes: Uint8Array, declared: string): string => {
  const kind = hasControls(bytes) ? null : textKindOf(bytes);
  if (kind === UTF8_TEXT) return kind;
  // Of MPEG that is no kind, nothing was found but its first two bytes.
  if (found && found !== MPEG) throw refuse(`is of a kind that is not taken here (${found})`);
  const isSaidText = saysText(declared);
  if (kind && isSaidText) return kind;
  if (kind) throw refuse('is text in an unknown encoding: send it as UTF-8, or say that it is text/plain');
  if (isSaidText) {
    const said = `says it is ${declared.slice(0, 100)}`;
    throw refuse(`${said}, and has control characters, or is UTF-16 that is broken or without its mark`);
  }
  throw refuse('is of a kind that is not taken here');
};

const checkedEntries = async (bytes: Uint8Array): Promise<readonly ZipEntry[]> => {
  const zip = await readZip(bytes);
  if ('fault' in zip) throw refuse(`is a zip ${zip.fault}`);
  const fault = await findContentFault(bytes, zip.entries);
  if (fault !== null) throw refuse(`is a zip ${fault}`);
  return zip.entries;
};

const kindOf = async (bytes: Uint8Array, declared: string): Promise<string> => {
  if (isZip(bytes)) return kindOfZip(bytes, await checkedEntries(bytes));
  // Before file-type, which would unpack it in order to name what is in it.
  if (isGzip(bytes)) return GZIP;
  // Before file-type too, which takes its mark for MPEG.
  const utf16 = await utf16KindOf(bytes);
  if (utf16) return utf16;
  const found = (await fileTypeFromBuffer(bytes).catch(() => undefined))?.mime;
  return kindFound(found, bytes, declared) ?? textOrRefuse(found, bytes, declared);
};

const isTrue = (declared: string, kind: string): boolean => {
  if (declared === '' || declared === 'application/octet-stream' || declared.startsWith('text/')) return true;
  if (kind.startsWith('text/')) return isTextByNature(declared);
  if (kind === OLE2 && OLE2_BY_NATURE.test(declared)) return true;
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
  const declared = (said.contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const kind = await kindOf(bytes, declared);
  if (!isTrue(declared, kind)) {
    throw refuse(`says it is ${declared.slice(0, 100)}, and its content is ${kind.split(';', 1)[0]}`);
  }
  const program = PROGRAM.exec(said.fileName)?.[0];
  if (program)
    throw refuse(`is called ${program} like a program, and its content is ${kind.split(';', 1)[0]}`);
  return kind;
};
