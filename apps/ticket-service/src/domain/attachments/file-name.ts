const CHARACTERS_MAX = 255;
const BYTES_MAX = 255;
const FALLBACK = 'file';

/** Control and format characters (bidi overrides are such), line separators, and what file systems keep for themselves. */
const UNUSABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}<>:"|?*]/gu;

/** As browsers and curl write what ends a name in the header of its part (WHATWG, multipart/form-data): these three, and nothing else. */
const ESCAPED = /%(?:22|0D|0A)/g;

/** What Windows takes for a device, in any directory and with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|(?:com|lpt)[1-9\u00b9\u00b2\u00b3]|conin\$|conout\$) *(?:\.|$)/i;

const fits = (text: string): boolean => text.length <= CHARACTERS_MAX && Buffer.byteLength(text) <= BYTES_MAX;

/** As much of a name as there is room for; its extension is kept, since people and programs go by it. */
const shorten = (name: string): string => {
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
  const stem = [...name.slice(0, name.length - extension.length)].slice(0, CHARACTERS_MAX);
  while (!fits(stem.join('') + extension)) stem.pop();
  return stem.join('') + extension;
};

/**
 * A name that a file may be saved under anywhere, from what its sender called it: the last part of a path of either kind,
 * NFC, without what hides or misleads. Never empty, and never more than 255 bytes.
 */
export const toFileName = (sent: string | undefined): string => {
  const whole = (sent ?? '').toWellFormed().replace(ESCAPED, decodeURIComponent);
  const last = whole.split(/[/\\]/).at(-1) ?? '';
  const clean = last
    .slice(0, 4 * CHARACTERS_MAX)
    .normalize('NFC')
    .replace(UNUSABLE, '')
    .replace(/\s+/gu, ' ')
    // A name of dots is a place, and one that begins with a dot is hidden.
    .replace(/^[. ]+|[. ]+$/g, '');
  const usable = DEVICE.test(clean) ? `_${clean}` : clean;
  return shorten(usable).replace(/[. ]+$/, '') || FALLBACK;
};

/** RFC 6266 with RFC 8187: ASCII for old programs, the name as it is for the others. */
export const contentDispositionOf = (fileName: string): string => {
  const ascii = fileName.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  const whole = encodeURIComponent(fileName).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${whole}`;
};
