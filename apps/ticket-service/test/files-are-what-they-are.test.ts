import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentKindOf } from '../src/domain/attachments/content-kind.ts';
import { contentDispositionOf, toFileName } from '../src/domain/attachments/file-name.ts';
import { files, makeZip } from './support/files.ts';

const kindOf = (bytes: Uint8Array, contentType?: string, fileName = 'file') =>
  contentKindOf(bytes, { fileName, contentType });
const OFFICE = 'application/vnd.openxmlformats-officedocument';
const office = (part: string) => makeZip([{ name: '[Content_Types].xml' }, { name: part }]);
const openDocument = (type: string) =>
  makeZip([{ name: 'mimetype', bytes: Buffer.from(type) }, { name: 'content.xml' }]);

describe('the kind of a file', () => {
  it.each([
    [files.png, 'image/png'],
    [files.jpeg, 'image/jpeg'],
    [files.gif, 'image/gif'],
    [files.webp, 'image/webp'],
    [files.heic, 'image/heic'],
    [files.avif, 'image/avif'],
    [files.pdf, 'application/pdf'],
    [files.wav, 'audio/wav'],
    [files.mp3, 'audio/mpeg'],
    [files.ogg, 'audio/ogg'],
    [files.mp4, 'video/mp4'],
    [files.m4a, 'audio/mp4'],
    [files.webm, 'video/webm'],
    [makeZip([]), 'application/zip'],
    [makeZip([{ name: 'a.txt' }]), 'application/zip'],
    [office('word/document.xml'), `${OFFICE}.wordprocessingml.document`],
    [office('xl/workbook.xml'), `${OFFICE}.spreadsheetml.sheet`],
    [office('ppt/presentation.xml'), `${OFFICE}.presentationml.presentation`],
    [openDocument('application/vnd.oasis.opendocument.text'), 'application/vnd.oasis.opendocument.text'],
    [
      openDocument('application/vnd.oasis.opendocument.spreadsheet'),
      'application/vnd.oasis.opendocument.spreadsheet',
    ],
    [openDocument('text/html'), 'application/zip'],
    [Buffer.from('a,b\r\n1,2\r\n'), 'text/plain; charset=utf-8'],
    [Buffer.from('\ufeffäöü \u001b[31mred\u001b[0m 😀'), 'text/plain; charset=utf-8'],
    [files.svg, 'text/plain; charset=utf-8'],
    [files.html, 'text/plain; charset=utf-8'],
    [Buffer.from('<?xml version="1.0"?><a/>'), 'text/plain; charset=utf-8'],
    [Buffer.from('#!/bin/sh\nrm -rf /'), 'text/plain; charset=utf-8'],
  ])('is that of its content (%#: %s)', async (bytes, kind) => {
    expect(await kindOf(bytes)).toBe(kind);
    // Its own name for it is true.
    expect(await kindOf(bytes, kind)).toBe(kind);
  });

  it.each([
    ['a program of Windows', files.exe],
    ['a program of Linux', files.elf],
    ['gzip', files.gzip],
    ['bytes of no kind', Buffer.from([1, 2, 3, 0, 255, 254])],
    ['text with NUL', Buffer.from('text\0text')],
    ['text that is not UTF-8', Buffer.from([0x61, 0xe4, 0x62])],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', async (_name, bytes) => {
    await expect(kindOf(bytes)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it.each([
    [files.exe, 'image/png'],
    [files.html, 'image/png'],
    [files.html, 'application/pdf'],
    [files.png, 'image/jpeg'],
    [files.pdf, 'image/png'],
    [files.png, 'image/svg+xml'],
    [makeZip([{ name: 'a' }]), `${OFFICE}.wordprocessingml.document`],
    [files.png, 'application/zip'],
  ])('refuses a file that lies (%#: as %s)', async (bytes, said) => {
    await expect(kindOf(bytes, said)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { fields: [{ field: 'file' }] },
    });
  });

  it('says both, what was said and what is so', async () => {
    await expect(kindOf(files.png, 'application/pdf')).rejects.toThrow(
      'file: says it is application/pdf, and its content is image/png',
    );
  });

  it.each([
    [files.png, 'application/octet-stream'],
    [files.png, 'text/plain'],
    [files.png, undefined],
    [files.jpeg, 'image/JPG; q=1'],
    [files.wav, 'audio/x-wav'],
    [files.webm, 'audio/webm'],
    [files.svg, 'image/svg+xml'],
    [Buffer.from('{}'), 'application/json'],
    [Buffer.from('a;b'), 'application/vnd.ms-excel'],
    [office('word/document.xml'), 'application/zip'],
  ])('takes what says nothing, or says it in other words (%#: as %s)', async (bytes, said) => {
    await expect(kindOf(bytes, said)).resolves.toBeTypeOf('string');
  });

  it('refuses what is called like a program', async () => {
    for (const name of ['invoice.pdf.exe', 'a.SCR', 'b.jar']) {
      await expect(kindOf(files.pdf, undefined, name)).rejects.toThrow('like a program');
    }
    await expect(kindOf(files.pdf, undefined, 'exe.pdf')).resolves.toBe('application/pdf');
  });

  it('of a document with macros is that of no document', async () => {
    const macros = makeZip([{ name: '[Content_Types].xml' }, { name: 'word/vbaProject.bin' }]);
    expect(await kindOf(macros)).toBe('application/zip');
  });
});

describe('a zip', () => {
  const miscounted = () => {
    const zip = makeZip([{ name: 'a' }]);
    return zip.fill(9, zip.length - 14, zip.length - 10);
  };
  const lie = (says: number) =>
    makeZip([
      { name: 'a', says },
      { name: 'b', says },
    ]);
  it.each([
    ['unpacks to more than a gigabyte', lie(600 * 1024 ** 2), 'unpacks to'],
    ['unpacks to a hundred times its size', makeZip([{ name: 'a', says: 2 * 1024 ** 2 }]), 'unpacks to'],
    ['has entries in one place', makeZip([{ name: 'a' }, { name: 'b', at: 0 }]), 'overlap'],
    ['has an entry outside', makeZip([{ name: 'a', at: 1_000_000 }]), 'damaged'],
    ['has an entry in its directory', makeZip([{ name: 'a', at: 32 }]), 'damaged'],
    ['is cut off', makeZip([{ name: 'a' }]).subarray(0, -3), 'damaged'],
    ['is a head alone', Buffer.from('PK\x03\x04'), 'damaged'],
    ['has more behind it', Buffer.concat([makeZip([{ name: 'a' }]), Buffer.alloc(9)]), 'damaged'],
    ['counts wrongly', miscounted(), 'damaged'],
  ])('that %s is refused', async (_name, bytes, words) => {
    await expect(kindOf(bytes)).rejects.toThrow(words);
  });

  it('with an entry of which its own header says another size is refused', async () => {
    const zip = makeZip([{ name: 'a' }]);
    zip.writeUInt32LE(1_000_000_000, 22);
    await expect(kindOf(zip)).rejects.toThrow('damaged');
  });
});

describe('whatever is sent', () => {
  it('is given a kind or refused in words, and nothing else happens', async () => {
    const starts = [...Object.values(files), makeZip([{ name: 'a' }, { name: 'word/b' }])];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...starts),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 64 }),
        async (start, changes, more) => {
          const bytes = Buffer.concat([start, more]);
          for (const [place, value] of changes) bytes[place % bytes.length] = value;
          const kind = await kindOf(bytes).catch((error) => error.code);
          expect(kind).toMatch(
            /^(INVALID_INPUT|(image|audio|video|application|text)\/[a-z0-9.+-]+(; charset=utf-8)?)$/,
          );
          expect(kind).not.toMatch(/html|svg|xml$|javascript/);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the name of a file', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\report.pdf', 'report.pdf'],
    ['/', 'file'],
    ['..', 'file'],
    ['.htaccess', 'htaccess'],
    ['', 'file'],
    [undefined, 'file'],
    ['a\0b\r\nc.txt', 'abc.txt'],
    ['invoice\u202efdp.exe', 'invoicefdp.exe'],
    ['zero\u200bwidth.txt', 'zerowidth.txt'],
    ['a:b*c?"<>|.txt', 'abc.txt'],
    ['re\u0301sume\u0301.txt', 'résumé.txt'],
    ['  spaced   out .txt. ', 'spaced out .txt'],
    ['\ud800.txt', '\ufffd.txt'],
    [`${'a'.repeat(400)}.pdf`, `${'a'.repeat(251)}.pdf`],
  ])('%j is stored as %j', (sent, stored) => {
    expect(toFileName(sent)).toBe(stored);
  });

  it('is usable whatever is sent, and stays as it is once it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (sent) => {
        const name = toFileName(sent);
        expect(name.length).toBeGreaterThan(0);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(name).not.toMatch(/[\p{Cc}\p{Cf}/\\:]|^\.|\.$/u);
        expect(toFileName(name)).toBe(name);
        const header = contentDispositionOf(name);
        expect(header).toMatch(
          /^attachment; filename="[\x20-\x21\x23-\x5b\x5d-\x7e]*"; filename\*=UTF-8''[\w!#$&+.^`|~%-]+$/,
        );
        expect(decodeURIComponent(header.slice(header.indexOf("''") + 2))).toBe(name);
      }),
    );
  });
});
