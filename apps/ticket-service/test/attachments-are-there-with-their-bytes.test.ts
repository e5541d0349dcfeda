import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ATTACHMENT_BYTES_MAX,
  type Clock,
  INTERNAL_TOKEN_HEADER,
  type Principal,
} from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAttachment } from '../src/domain/attachments/add-attachment.ts';
import { removePending } from '../src/domain/attachments/remove-pending.ts';
import { changeTickets } from '../src/domain/tickets/change-ticket.ts';
import { openTickets } from '../src/domain/tickets/open-tickets.ts';
import { files } from './support/files.ts';
import {
  type Answer,
  SURFACE,
  startTestTickets,
  type TestTickets,
  tokenPrincipal,
  userOf,
} from './support/tickets.ts';

let tickets: TestTickets;
let tokenId: string;
let stranger: string;
let moved = 0;
const clock: Clock = { now: () => new Date(Date.now() + moved) };

beforeAll(async () => {
  tickets = await startTestTickets({ clock });
  tokenId = (await tickets.makeToken()).id;
  stranger = (await tickets.makeToken()).id;
});
afterAll(() => tickets.close());

const openTicket = async (): Promise<string> => {
  const [ticket] = await changeTickets(tickets.deps, (tools) =>
    openTickets(tickets.deps, tools, {
      tokenId,
      source: 'Helpdesk',
      actor: { kind: 'token', id: tokenId, name: 'Helpdesk' },
      inputs: [{ title: 'A ticket with files' }],
    }),
  );
  if (!ticket) throw new Error('no ticket');
  return ticket.id;
};

interface Part {
  readonly bytes: Buffer;
  readonly fileName?: string;
  readonly type?: string;
  readonly field?: string;
  readonly disposition?: string;
}
const BOUNDARY = 'b0undary';
const formOf = (...parts: readonly Part[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap(({ bytes, fileName = 'file.bin', type, field = 'file', disposition }) => [
      Buffer.from(
        `--${BOUNDARY}\r\ncontent-disposition: ${disposition ?? `form-data; name="${field}"; filename="${fileName}"`}\r\n${type ? `content-type: ${type}\r\n` : ''}\r\n`,
      ),
      bytes,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);
const upload = (
  ticketId: string,
  part: Part,
  {
    principal = tokenPrincipal(tokenId),
    key,
    form = formOf(part),
    app = tickets.app,
  }: { principal?: Principal; key?: string; form?: Buffer; app?: TestTickets['app'] } = {},
): Promise<Answer> =>
  tickets.call(principal, 'POST', `${SURFACE}/tickets/${ticketId}/attachments`, {
    app,
    raw: form,
    headers: {
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      ...(key ? { 'idempotency-key': key } : {}),
    },
  });
const list = (ticketId: string, principal: Principal = tokenPrincipal(tokenId)) =>
  tickets.call(principal, 'GET', `${SURFACE}/tickets/${ticketId}/attachments`);
const download = async (url: string, app = tickets.app) => {
  const { pathname, search } = new URL(url);
  const answer = await app.inject({ method: 'GET', url: `${pathname}${search}` });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    bytes: answer.rawPayload,
    text: answer.payload,
  };
};
const storedFiles = async (ticketId: string): Promise<string[]> =>
  readdir(join(tickets.storageDirectory, 'tickets', ticketId)).catch(() => []);
const rowsOf = (ticketId: string) =>
  tickets.rows<{ id: string; status: string; storage_key: string }>(
    'SELECT id, status, storage_key FROM tickets.ticket_attachments WHERE ticket_id = $1',
    [ticketId],
  );
const adding = (ticketId: string) => ({
  ticketId,
  tokenId,
  actor: { kind: 'token', id: tokenId, name: 'Helpdesk' } as const,
  bytes: files.png,
  fileName: 'a.png',
  contentType: undefined,
  idempotencyKey: undefined,
});

describe('a file that is attached', () => {
  it('is told, listed, in the feed and the history, and comes back byte by byte', async () => {
    const ticketId = await openTicket();
    const made = await upload(ticketId, {
      bytes: files.png,
      fileName: 'Löwe \\"1\\".png',
      type: 'image/png',
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        attachment: {
          file_name: 'Löwe 1.png',
          content_type: 'image/png',
          size_bytes: files.png.length,
          sha256: createHash('sha256').update(files.png).digest('hex'),
        },
      },
    });
    const { url, url_expires_at, ...view } = made.body.attachment;
    expect(new Date(url_expires_at).getTime() - clock.now().getTime()).toBeLessThanOrEqual(600_000);
    expect((await list(ticketId)).body.attachments).toMatchObject([view]);
    const staff = await tickets.call(
      userOf('agent', tickets.deps.data.ids.next()),
      'GET',
      `/api/admin/v1/tickets/${ticketId}/attachments`,
    );
    expect(staff).toMatchObject({ status: 200, body: { attachments: [view] } });

    const changes = await tickets.rows(
      "SELECT type, sequence IS NOT NULL AS is_outside, data->'changed' AS changed, data->'attachment' AS attachment, details FROM tickets.ticket_changes WHERE ticket_id = $1 ORDER BY id DESC LIMIT 1",
      [ticketId],
    );
    expect(changes).toEqual([
      {
        type: 'attached',
        is_outside: true,
        changed: ['attachments'],
        attachment: view,
        details: { attachment_id: view.id },
      },
    ]);

    const file = await download(url);
    expect(file.status).toBe(200);
    expect(file.bytes.equals(files.png)).toBe(true);
    expect(file.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(files.png.length),
      'content-disposition': `attachment; filename="L_we 1.png"; filename*=UTF-8''L%C3%B6we%201.png`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'private, no-store',
      'cross-origin-resource-policy': 'same-origin',
    });
  });

  it('has the name of filename, else of filename*, and never a path', async () => {
    const ticketId = await openTicket();
    const names = await Promise.all(
      [
        `form-data; name="file"; filename="plain.txt"; filename*=UTF-8''other.txt`,
        `form-data; name="file"; filename*=UTF-8''n%C3%A4me.txt`,
        `form-data; name="file"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`,
        'form-data; name="file"; filename="..\\\\..\\\\boot.ini"',
        'form-data; name="file"; filename="../../../etc/shadow"',
        'form-data; name="file"; filename=""',
      ].map(async (disposition) => {
        const { body } = await upload(ticketId, { bytes: Buffer.from('text'), disposition });
        return body.attachment.file_name;
      }),
    );
    expect(names).toEqual(['plain.txt', 'näme.txt', 'passwd', 'boot.ini', 'shadow', 'file']);
    expect((await storedFiles(ticketId)).every((name) => /^[0-9a-f-]{36}$/.test(name))).toBe(true);
  });

  it('is served as text when it is a page or a picture that runs', async () => {
    const ticketId = await openTicket();
    for (const [bytes, type] of [
      [files.html, 'text/html'],
      [files.svg, 'image/svg+xml'],
    ] as const) {
      const made = await upload(ticketId, { bytes, type });
      const file = await download(made.body.attachment.url);
      expect(file.headers['content-type']).toBe('text/plain; charset=utf-8');
    }
  });
});

describe('a file that is refused', () => {
  it.each([
    ['a program', { bytes: files.exe, type: 'image/png' }, 400, 'invalid_field'],
    ['a lie', { bytes: files.pdf, type: 'image/png' }, 400, 'invalid_field'],
    ['nothing', { bytes: Buffer.alloc(0) }, 400, 'invalid_field'],
    ['another field', { bytes: files.png, field: 'image' }, 400, 'missing_required_field'],
  ])('says why: %s', async (_name, part, status, error) => {
    const ticketId = await openTicket();
    expect(await upload(ticketId, part)).toMatchObject({ status, body: { error } });
    expect(await rowsOf(ticketId)).toEqual([]);
    expect(await storedFiles(ticketId)).toEqual([]);
  });

  it('is one byte larger than 20 MB, which are taken', async () => {
    const ticketId = await openTicket();
    const bytes = Buffer.alloc(ATTACHMENT_BYTES_MAX, 'a');
    const taken = await upload(ticketId, { bytes });
    expect(taken).toMatchObject({ status: 201, body: { attachment: { size_bytes: ATTACHMENT_BYTES_MAX } } });
    expect((await download(taken.body.attachment.url)).bytes.equals(bytes)).toBe(true);
    const refused = await upload(ticketId, { bytes: Buffer.concat([bytes, Buffer.from('a')]) });
    expect(refused).toMatchObject({ status: 413 });
    expect(await rowsOf(ticketId)).toHaveLength(1);
    expect(tickets.deps.uploads.bytesTaken).toBe(0);
  });

  it('is one of a ticket of another token, of no ticket, or of no id', async () => {
    const ticketId = await openTicket();
    const principal = tokenPrincipal(stranger);
    const unknown = tickets.deps.data.ids.next();
    for (const answer of [
      await upload(ticketId, { bytes: files.png }, { principal }),
      await list(ticketId, principal),
      await upload(unknown, { bytes: files.png }),
      await list(unknown),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { error: 'not_found' } });
    }
    expect(await upload('1', { bytes: files.png })).toMatchObject({ status: 400 });
    expect(await rowsOf(ticketId)).toEqual([]);
  });

  it('is the fifty-first, whoever sends at the same time', async () => {
    const ticketId = await openTicket();
    for (let index = 0; index < 48; index += 1) await addAttachment(tickets.deps, adding(ticketId));
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        upload(ticketId, { bytes: files.png }, { key: `full-${ticketId}-${index}` }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ error: 'too_many' });
    expect((await list(ticketId)).body.attachments).toHaveLength(50);
    expect(await storedFiles(ticketId)).toHaveLength(50);
    expect(await upload(ticketId, { bytes: files.png })).toMatchObject({ status: 409 });
  });
});

describe('an upload that comes again with its key', () => {
  it('is answered as before with an address that is good, at once or later', async () => {
    const ticketId = await openTicket();
    const send = (part: Part = { bytes: files.png, fileName: 'a.png' }) =>
      upload(ticketId, part, { key: `again-${ticketId}` });
    const first = await Promise.all([send(), send(), send()]);
    moved += 3_000_000;
    const last = await send();
    const answers = [...first, last];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body.attachment.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotent-replay'] === 'true')).toHaveLength(3);
    expect((await download(last.body.attachment.url)).status).toBe(200);
    expect(await rowsOf(ticketId)).toMatchObject([{ status: 'stored' }]);
    expect(await storedFiles(ticketId)).toHaveLength(1);

    for (const other of [
      { bytes: files.gif, fileName: 'a.png' },
      { bytes: files.png, fileName: 'b.png' },
    ]) {
      expect(await send(other)).toMatchObject({ status: 409, body: { error: 'duplicate_request' } });
    }
    expect(await storedFiles(ticketId)).toHaveLength(1);
  });
});

describe('the address of a file', () => {
  it('opens nothing once it is altered, too old, or of a file that is not there', async () => {
    const ticketId = await openTicket();
    const one = (await upload(ticketId, { bytes: files.png })).body.attachment;
    const other = (await upload(ticketId, { bytes: files.pdf })).body.attachment;
    const unknown = tickets.deps.data.ids.next();
    const never = tickets.deps.fileUrls.sign(
      new URL(one.url).pathname.replace(one.id, unknown),
      clock.now(),
    ).url;
    const wrong = [
      one.url.replace(one.id, other.id),
      one.url.replace(one.id, unknown),
      one.url.replace(/expires=\d+/, 'expires=99999999999'),
      one.url.replace(/.$/, (last: string) => (last === 'A' ? 'E' : 'A')),
      never,
    ];
    const answers = await Promise.all(wrong.map((url) => download(url)));
    expect((await download(one.url)).status).toBe(200);
    moved += 600_001;
    answers.push(await download(one.url));
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 403).concat(403));
    // Word for word the same, whether the file exists or not.
    const told = answers.map(({ text }) => JSON.stringify({ ...JSON.parse(text), request_id: '' }));
    expect(new Set(told).size).toBe(1);
    expect(JSON.parse(told[0] ?? '')).toMatchObject({ error: 'signed_url_invalid' });
    for (const query of ['', '?expires=1', '?expires=x&signature=y']) {
      expect((await download(one.url.replace(/\?.*/, query))).status).toBe(400);
    }
  });
});

describe('a process that dies', () => {
  const storage = () => tickets.deps.storage;
  it('before the bytes are stored, or before the attachment is one, leaves nothing once the hour is over', async () => {
    const ticketId = await openTicket();
    const died = new Error('died');
    const before = { ...storage(), put: () => Promise.reject(died) };
    const after = {
      ...storage(),
      put: async (...args: Parameters<ReturnType<typeof storage>['put']>) => {
        await storage().put(...args);
        throw died;
      },
    };
    for (const dying of [before, after]) {
      await expect(
        addAttachment({ ...tickets.deps, storage: dying }, adding(ticketId)),
      ).rejects.toMatchObject({ cause: died });
    }
    expect(await rowsOf(ticketId)).toMatchObject([{ status: 'pending' }, { status: 'pending' }]);
    expect(await storedFiles(ticketId)).toHaveLength(1);
    expect((await list(ticketId)).body.attachments).toEqual([]);
    expect(await removePending(tickets.deps)).toBe(0);

    moved += 3_600_001;
    // Whatever is not deleted keeps its row.
    const stuck = { ...storage(), delete: () => Promise.reject(died) };
    await expect(removePending({ ...tickets.deps, storage: stuck })).rejects.toThrow(died);
    expect(await rowsOf(ticketId)).toHaveLength(2);
    // One that cannot be deleted keeps no other one.
    const [first] = await rowsOf(ticketId);
    const oneStuck = {
      ...storage(),
      delete: (key: string) => (key === first?.storage_key ? Promise.reject(died) : storage().delete(key)),
    };
    await expect(removePending({ ...tickets.deps, storage: oneStuck })).rejects.toThrow(died);
    expect(await rowsOf(ticketId)).toMatchObject([{ id: first?.id }]);
    const removed = await Promise.all([removePending(tickets.deps), removePending(tickets.deps)]);
    expect(removed[0] + removed[1]).toBe(1);
    expect(await rowsOf(ticketId)).toEqual([]);
    expect(await storedFiles(ticketId)).toEqual([]);
  });

  it('and one that only stood still for too long makes no attachment of bytes that are gone', async () => {
    const ticketId = await openTicket();
    const slow = {
      ...storage(),
      put: async (...args: Parameters<ReturnType<typeof storage>['put']>) => {
        await storage().put(...args);
        moved += 3_600_001;
        await removePending(tickets.deps);
      },
    };
    await expect(addAttachment({ ...tickets.deps, storage: slow }, adding(ticketId))).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    });
    expect(await rowsOf(ticketId)).toEqual([]);
    expect(await storedFiles(ticketId)).toEqual([]);
  });

  it('takes nothing from those that are attached', async () => {
    const ticketId = await openTicket();
    await addAttachment(tickets.deps, adding(ticketId));
    moved += 7_200_000;
    await removePending(tickets.deps);
    expect(await storedFiles(ticketId)).toHaveLength(1);
  });
});

describe('a storage that is full or away', () => {
  it('is said in words, and whoever tries again later has his file once', async () => {
    const ticketId = await openTicket();
    const full = () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    const app = await tickets.startReplica({ storage: { ...tickets.deps.storage, put: full, get: full } });
    const part = { bytes: files.png, fileName: 'a.png' };
    expect(await upload(ticketId, part, { key: 'later', app })).toMatchObject({
      status: 503,
      body: { error: 'service_unavailable', message: expect.stringContaining('send it again') },
    });
    expect((await list(ticketId)).body.attachments).toEqual([]);
    expect(await upload(ticketId, part, { key: 'later' })).toMatchObject({ status: 201 });
    const { attachments } = (await list(ticketId)).body;
    expect(attachments).toHaveLength(1);
    expect((await download(attachments[0].url, app)).status).toBe(503);
    expect((await download(attachments[0].url)).status).toBe(200);
  });
});

describe('a reader that goes away', () => {
  it('ends the reading of the file', async () => {
    const ticketId = await openTicket();
    const made = await upload(ticketId, {
      bytes: Buffer.alloc(ATTACHMENT_BYTES_MAX, randomBytes(16).toString('hex')),
    });
    const body = await tickets.deps.storage.get(`tickets/${ticketId}/${made.body.attachment.id}`);
    if (!body) throw new Error('no object');
    body.body.destroy();
    const opened: { readonly destroyed: boolean }[] = [];
    const app = await tickets.startReplica({
      storage: {
        ...storageOf(),
        get: async (key: string) => {
          const object = await storageOf().get(key);
          if (object) opened.push(object.body);
          return object;
        },
      },
    });
    const base = await app.listen({ host: '127.0.0.1', port: 0 });
    const { pathname, search } = new URL(made.body.attachment.url);
    const leave = new AbortController();
    const response = await fetch(`${base}${pathname}${search}`, {
      signal: leave.signal,
      headers: { [INTERNAL_TOKEN_HEADER]: 'none is needed' },
    });
    expect(response.status).toBe(200);
    leave.abort();
    await waitFor(() => opened.length === 1 && opened[0]?.destroyed === true);
  });
  const storageOf = () => tickets.deps.storage;
});
