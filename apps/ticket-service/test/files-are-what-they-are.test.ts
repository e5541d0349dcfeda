import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentKindOf } from '../src/domain/attachments/content-kind.ts';
import { contentDispositionOf, toFileName } from '../src/domain/attachments/file-name.ts';
import { files, makeZip } from './support/files.ts';

const kindOf = (bytes: Uint8Array, contentType?: string, fileName = 'file') =>
  contentKindOf(bytes, { fileName, contentType });
const OFFICE = 'application/vnd.openxmlformats-officedocument';
const office = (part: string) => makeZip([{ name: '[Content_Types].xml' }, { name: part }]);
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
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
    [files.ole2, 'application/x-cfb'],
    [files.gzip, 'application/gzip'],
    [utf16('Grüße\r\n'), 'text/plain; charset=utf-16le'],
    [utf16('Grüße 😀').swap16(), 'text/plain; charset=utf-16be'],
    [utf16('<?xml version="1.0"?><a/>'), 'text/plain; charset=utf-16le'],
    [Buffer.from('GIF is a format'), 'text/plain; charset=utf-8'],
    [Buffer.from('ID3 tags are at the head'), 'text/plain; charset=utf-8'],
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
    ['bytes of no kind', Buffer.from([1, 2, 3, 0, 255, 254])],
    ['text with NUL', Buffer.from('text\0text')],
    ['text of an encoding that nobody named', Buffer.from([0x61, 0xe4, 0x62])],
    ['text with NUL in UTF-16', utf16('a\0')],
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
    [files.ole2, 'application/pdf'],
    [files.png, 'application/msword'],
    [files.png, 'message/rfc822'],
    [files.gzip, 'application/zip'],
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
    [files.ole2, 'application/msword'],
    [files.ole2, 'application/vnd.ms-excel'],
    [files.ole2, 'application/vnd.ms-powerpoint'],
    [files.ole2, 'application/vnd.ms-outlook'],
    // With a password, what was a zip is in one.
    [files.ole2, `${OFFICE}.spreadsheetml.sheet`],
    [files.gzip, 'application/x-gzip'],
    [files.gzip, 'text/plain'],
    [utf16('{}'), 'application/json'],
  ])('takes what says nothing, or says it in other words (%#: as %s)', async (bytes, said) => {
    await expect(kindOf(bytes, said)).resolves.toBeTypeOf('string');
  });

  it.each(
    [
      'message/rfc822 application/mbox application/x-mbox application/x-log application/x-httpd-php application/json5',
      'application/graphql application/x-patch application/pgp-signature application/x-ndjson application/problem+json',
      'image/svg+xml application/msword application/x-sh application/x-x509-ca-cert',
    ]
      .join(' ')
      .split(' '),
  )('takes text as %s, and nothing else', async (said) => {
    expect(await kindOf(Buffer.from('From: a@example.com\n\nText'), said)).toBe('text/plain; charset=utf-8');
    await expect(kindOf(files.png, said)).rejects.toThrow('says it is');
  });

  it.each(['application/x-msdownload', 'application/jsonx', 'image/png', 'message/partial', 'model/json'])(
    'takes no text as %s',
    async (said) => {
      await expect(kindOf(Buffer.from('text'), said)).rejects.toThrow('says it is');
    },
  );

  it('takes text of an encoding of eight bits from whoever says that it is text, and tells the others', async () => {
    const text = Buffer.from('Gr\xfc\xdfe\t\x80\r\n', 'latin1');
    for (const said of [
      'text/plain',
      'text/csv; charset=iso-8859-1',
      'message/rfc822',
      'application/x-log',
    ]) {
      expect(await kindOf(text, said)).toBe('text/plain');
    }
    for (const said of [undefined, 'application/octet-stream', 'image/png']) {
      await expect(kindOf(text, said)).rejects.toThrow('unknown encoding: send it as UTF-8');
    }
    await expect(kindOf(Buffer.from('Gr\xfc\x00', 'latin1'), 'text/plain')).rejects.toThrow(
      'control characters',
    );
  });

  it('is not sound for two bytes, when it says that it is text', async () => {
    // "яв…" in Windows-1251 has the sync word of MPEG.
    const text = Buffer.from('ffe2ede020f0e5f7fc2c20e7e0eff0eef1', 'hex');
    const sound = Buffer.concat([Buffer.from('fffb9064', 'hex'), Buffer.alloc(417)]);
    expect(await kindOf(text, 'text/plain')).toBe('text/plain');
    await expect(kindOf(text)).rejects.toThrow('unknown encoding');
    for (const said of [undefined, 'audio/mpeg', 'application/octet-stream']) {
      expect(await kindOf(sound, said)).toBe('audio/mpeg');
    }
    await expect(kindOf(sound, 'text/plain')).rejects.toThrow('control characters');
    await expect(kindOf(sound, 'image/png')).rejects.toThrow('its content is audio/mpeg');
  });

  it('of UTF-16 is that of text only when all of it is', async () => {
    const long = utf16('ä😀'.repeat(400_001));
    expect(await kindOf(long, 'text/plain')).toBe('text/plain; charset=utf-16le');
    const half = long.subarray(0, -1);
    const lone = Buffer.concat([long, Buffer.from('\ud83d', 'utf16le')]);
    for (const broken of [half, lone, utf16('a\u0001'), utf16('\u007f')]) {
      await expect(kindOf(broken, 'text/plain')).rejects.toThrow('UTF-16 that is broken');
    }
    await expect(kindOf(utf16('text'), 'audio/mpeg')).rejects.toThrow('its content is text/plain');
  });

  it('refuses what is called like a program', async () => {
    const programs = 'invoice.pdf.exe a.SCR b.jar a.ps1 a.Library-MS a.search-ms a.vhdx a.iso a.url a.msi';
    for (const name of programs.split(' ')) {
      await expect(kindOf(files.pdf, undefined, name)).rejects.toThrow('like a program');
    }
    await expect(kindOf(files.ole2, undefined, 'setup.msi')).rejects.toThrow('called .msi like a program');
    for (const name of ['exe.pdf', 'a.js', 'a.sh', 'a.html', 'a.svg', 'a.executive', 'a_exe']) {
      await expect(kindOf(files.pdf, undefined, name)).resolves.toBe('application/pdf');
    }
  });

  it('of a document with macros is that of no document', async () => {
    for (const name of ['word/vbaProject.bin', 'word/VBAPROJECT.BIN']) {
      expect(await kindOf(makeZip([{ name: '[Content_Types].xml' }, { name }]))).toBe('application/zip');
    }
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
    ['has a path upwards', makeZip([{ name: 'a/../../b' }]), 'lead out'],
    ['has a path upwards as Windows writes it', makeZip([{ name: '..\\b' }]), 'lead out'],
    ['has an absolute path', makeZip([{ name: 'a' }, { name: '/etc/passwd' }]), 'lead out'],
    ['has a path on a share', makeZip([{ name: '\\\\host\\a' }]), 'lead out'],
    ['has a path on a drive', makeZip([{ name: 'c:a' }]), 'lead out'],
    ['is packed in a way that nobody can look into', makeZip([{ name: 'a', method: 12 }]), 'use deflate'],
    ['is stored with another size', makeZip([{ name: 'a', says: 2 }]), 'not as large'],
    ['is not what its directory says it is packed with', makeZip([{ name: 'a', method: 8 }]), 'not as large'],
  ])('that %s is refused', async (_name, bytes, words) => {
    await expect(kindOf(bytes)).rejects.toThrow(words);
  });

  it('with an entry of which its own header says another size is refused', async () => {
    const zip = makeZip([{ name: 'a' }]);
    zip.writeUInt32LE(1_000_000_000, 22);
    await expect(kindOf(zip)).rejects.toThrow('damaged');
  });
});

describe('a zip that says how large its entries are', () => {
  const makeBomb = (mebibytes: number) =>
    makeZip([{ name: 'a', bytes: Buffer.alloc(mebibytes * 1024 ** 2), isDeflated: true, says: 1000 }]);

  it('is taken when it is so', async () => {
    const text = Buffer.from('text '.repeat(20));
    const entries = [
      { name: 'a/', bytes: Buffer.alloc(0) },
      { name: 'empty', bytes: Buffer.alloc(0), method: 8 },
      { name: 'a/..b', bytes: text, isDeflated: true },
      { name: 'b', bytes: text },
    ];
    expect(await kindOf(makeZip(entries))).toBe('application/zip');
  });

  it('is refused when it is not, in either direction, and costs no more than what it said', async () => {
    const bomb = makeBomb(400);
    const heldBefore = process.memoryUsage().arrayBuffers;
    await expect(kindOf(bomb)).rejects.toThrow('not as large as it says');
    expect(process.memoryUsage().arrayBuffers - heldBefore).toBeLessThan(16 * 1024 ** 2);
    const more = makeZip([{ name: 'a', bytes: Buffer.from('text'), isDeflated: true, says: 5 }]);
    await expect(kindOf(more)).rejects.toThrow('not as large as it says');
  });

  it('is not believed to need a password when its entry says it does not', async () => {
    const sealed = makeBomb(1);
    sealed.writeUInt16LE(1, sealed.readUInt32LE(sealed.length - 6) + 8);
    await expect(kindOf(sealed)).rejects.toThrow('not as large as it says');
    // With a password it is: nobody without it unpacks it.
    sealed.writeUInt16LE(1, 6);
    expect(await kindOf(sealed)).toBe('application/zip');
  });

  it('is looked into entry by entry, however many there are, and others have their turn meanwhile', async () => {
    const x = { bytes: deflateRawSync(Buffer.from('x')), method: 8, says: 1 };
    const half = Array.from({ length: 10_000 }, (_, n) => ({ name: `${n}`, ...x }));
    const among = (name: string, part: object) => makeZip([...half, { ...x, name, ...part }, ...half]);
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    expect(await kindOf(among('as the others', {}))).toBe('application/zip');
    isOver = true;
    expect(turns).toBeGreaterThan(3);
    const zeros = deflateRawSync(Buffer.alloc(1024 ** 2));
    for (const part of [{ says: 0 }, { says: 2 }, { bytes: zeros }, { bytes: zeros.subarray(0, 9) }]) {
      await expect(kindOf(among('a lie', part))).rejects.toThrow('not as large as it says');
    }
    await expect(kindOf(among('../a', {}))).rejects.toThrow('lead out');
    await expect(kindOf(among('a', { at: 0 }))).rejects.toThrow('overlap');
  });

  it.each([0, 1, 63, 64, 65, 16_384, 262_143, 262_144, 262_145])(
    'of %i bytes is taken, and refused when it is one byte more or less',
    async (size) => {
      const bytes = Buffer.alloc(size, 'so many different words ');
      const saying = (says: number) => makeZip([{ name: 'a', bytes, isDeflated: true, says }]);
      expect(await kindOf(saying(size))).toBe('application/zip');
      await expect(kindOf(saying(size + 1))).rejects.toThrow('not as large as it says');
      if (size > 0) await expect(kindOf(saying(size - 1))).rejects.toThrow('not as large as it says');
    },
  );

  it('leads out by the name of the entry itself too', async () => {
    const zip = makeZip([{ name: 'aa/b' }]);
    zip.write('..', 30);
    await expect(kindOf(zip)).rejects.toThrow('lead out');
  });
});

describe('whatever is sent', () => {
  it('is given a kind or refused in words, and nothing else happens', async () => {
    const zip = makeZip([{ name: 'a' }, { name: 'word/b', bytes: Buffer.from('bbbb'), isDeflated: true }]);
    const starts = [...Object.values(files), zip, utf16('text'), Buffer.from([0xff, 0xe2])];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...starts),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom(undefined, 'text/plain', 'application/msword', 'image/png'),
        async (start, changes, more, said) => {
          const bytes = Buffer.concat([start, more]);
          for (const [place, value] of changes) bytes[place % bytes.length] = value;
          const kind = await kindOf(bytes, said).catch((error) => error.code);
          expect(kind).toMatch(
            /^(INVALID_INPUT|(image|audio|video|application|text)\/[a-z0-9.+-]+(; charset=utf-(8|16[bl]e))?)$/,
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
    ['a%22b%22%0D%0A.txt', 'ab.txt'],
    ['100%20%2F%2e%0d%2522.txt', '100%20%2F%2e%0d%2522.txt'],
    ['%%2222.txt', '%22.txt'],
    ['nul', '_nul'],
    ['CON.tar.gz', '_CON.tar.gz'],
    ['com1 .txt', '_com1 .txt'],
    ['LPT9.', '_LPT9'],
    ['C%22ON', '_CON'],
    ['console.log', 'console.log'],
    ['com10.txt', 'com10.txt'],
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
        // A browser would write %22 of what is called so as it is, and of a quotation mark too.
        if (!/%(22|0D|0A)/.test(name)) expect(toFileName(name)).toBe(name);
        const header = contentDispositionOf(name);
        expect(header).toMatch(
          /^attachment; filename="[\x20-\x21\x23-\x5b\x5d-\x7e]*"; filename\*=UTF-8''[\w!#$&+.^`|~%-]+$/,
        );
        expect(decodeURIComponent(header.slice(header.indexOf("''") + 2))).toBe(name);
      }),
    );
  });
});
