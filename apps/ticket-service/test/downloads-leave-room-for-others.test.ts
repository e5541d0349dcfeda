import { createServer } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { silentLog } from '@switchboard/bus';
import { waitFor } from '@switchboard/stack/testing';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAttachment } from '../src/domain/attachments/add-attachment.ts';
import { contentPath } from '../src/domain/attachments/attachment-answer.ts';
import { createDownloads } from '../src/domain/attachments/downloads.ts';
import { type Reader, readerOf } from '../src/domain/attachments/reader.ts';
import { changeTickets } from '../src/domain/tickets/change-ticket.ts';
import { openTickets } from '../src/domain/tickets/open-tickets.ts';
import { startTestTickets, type TestTickets } from './support/tickets.ts';

const PER_TOKEN = 16;
const CONTENT = Buffer.from('ab');

let tickets: TestTickets;
let app: FastifyInstance;
let base: string;
/** Of files that are being read: each has its first byte alone, until the test goes on with it. */
let bodies: Readable[] = [];
let sizeBytes = CONTENT.length;
let isAway = false;

beforeAll(async () => {
  tickets = await startTestTickets();
  const { storage } = tickets.deps;
  app = await tickets.startReplica({
    storage: {
      ...storage,
      get: async () => {
        if (isAway) throw new Error('away');
        const body = new Readable({ read() {} });
        body.push(CONTENT.subarray(0, 1));
        bodies.push(body);
        return { sizeBytes, body };
      },
    },
  });
  base = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => tickets.close());

/** The address of a file of a new ticket. */
const makeFile = async (tokenId: string | null): Promise<string> => {
  const { deps } = tickets;
  const actor = { kind: 'token', id: tokenId ?? deps.data.ids.next(), name: 'Helpdesk' } as const;
  const ticketId = await changeTickets(deps, async (tools) => {
    const opening = { tokenId, source: 'Helpdesk', actor, inputs: [{ title: 'A ticket with files' }] };
    const [ticket] = await openTickets(deps, tools, opening);
    if (!ticket) throw new Error('no ticket');
    return ticket.id;
  });
  const { body } = await addAttachment(deps, {
    ticketId,
    ...(tokenId === null ? {} : { tokenId }),
    actor,
    bytes: CONTENT,
    fileName: 'a.txt',
    contentType: undefined,
    idempotencyKey: undefined,
  });
  const { pathname, search } = new URL(deps.fileUrls.sign(contentPath(body.id), new Date()).url);
  return `${base}${pathname}${search}`;
};
const makeTokenFile = async () => makeFile((await tickets.makeToken()).id);

const underWay = async (): Promise<number> => {
  const { payload } = await app.inject({ method: 'GET', url: '/metrics' });
  return Number(/^\w*downloads(?:\{.*\})? (\d+)$/m.exec(payload)?.[1]);
};
const untilIdle = () => waitFor(async () => (await underWay()) === 0);

const begin = async (url: string, times = 1) => {
  const leave = new AbortController();
  const answers = await Promise.all(
    Array.from({ length: times }, () => fetch(url, { signal: leave.signal })),
  );
  return { answers, leave };
};
const goOn = (): void => {
  for (const body of bodies.splice(0)) {
    body.push(CONTENT.subarray(1));
    body.push(null);
  }
};

describe('downloads that nobody reads', () => {
  it('are sixteen of the tickets of a token, and the next one is told when to come again', async () => {
    bodies = [];
    const url = await makeTokenFile();
    const { answers, leave } = await begin(url, PER_TOKEN);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await underWay()).toBe(PER_TOKEN);

    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await refused.json()).toMatchObject({
      error: 'service_unavailable',
      message: expect.stringContaining('16 files of the tickets of this token'),
    });
    // Others have theirs.
    const other = await begin(await makeTokenFile());
    expect(other.answers[0]?.status).toBe(200);

    leave.abort();
    await waitFor(async () => (await underWay()) === 1);
    expect(bodies.filter(({ destroyed }) => destroyed)).toHaveLength(PER_TOKEN);
    const again = await begin(url);
    goOn();
    expect(await again.answers[0]?.text()).toBe(CONTENT.toString());
    expect(await other.answers[0]?.text()).toBe(CONTENT.toString());
    await untilIdle();
  });

  it('are sixteen of all tickets without a token together', async () => {
    const one = await begin(await makeFile(null), PER_TOKEN);
    const refused = await fetch(await makeFile(null));
    expect(refused.status).toBe(503);
    expect(await refused.text()).toContain('of tickets without a token');
    goOn();
    for (const answer of one.answers) expect(await answer.text()).toBe(CONTENT.toString());
    await untilIdle();
  });

  it('are counted no more when the storage fails, before the file or within it', async () => {
    const url = await makeTokenFile();
    isAway = true;
    for (let index = 0; index <= PER_TOKEN; index += 1) {
      expect(await (await fetch(url)).text()).toContain('cannot be read right now');
    }
    isAway = false;
    await untilIdle();
    const { answers } = await begin(url);
    for (const body of bodies.splice(0)) body.destroy(new Error('broken'));
    await expect(answers[0]?.text()).rejects.toThrow();
    await untilIdle();
  });

  it('are none of those who ask for the head alone, which reads no file', async () => {
    const url = await makeTokenFile();
    for (let index = 0; index <= PER_TOKEN; index += 1) {
      const answer = await fetch(url, { method: 'HEAD' });
      expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(CONTENT.length)]);
    }
    await waitFor(() => bodies.every(({ destroyed }) => destroyed));
    await untilIdle();
    bodies = [];
  });

  it('are counted though all of it is sent, until it is read', async () => {
    // Less than the kernels of both ends take, and more than what is read at once.
    sizeBytes = 1_000_000;
    const url = new URL(await makeTokenFile());
    const caller = connect(Number(url.port), url.hostname).pause();
    caller.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`);
    await waitFor(() => bodies.length === 1);
    const [body] = bodies.splice(0);
    body?.push(Buffer.alloc(sizeBytes - 1));
    body?.push(null);
    await waitFor(() => body?.destroyed === true);
    await app.inject({ method: 'GET', url: '/livez' });
    expect(await underWay()).toBe(1);
    let bytesRead = 0;
    caller.on('data', (chunk) => {
      bytesRead += chunk.length;
    });
    caller.resume();
    await untilIdle();
    expect(bytesRead).toBeGreaterThan(sizeBytes);
    sizeBytes = CONTENT.length;
  });

  it('are refused when nobody signed the address, and not counted', async () => {
    const url = await makeTokenFile();
    const { leave } = await begin(url, PER_TOKEN);
    expect(
      (await fetch(url.replace(/=(.)(?=[^=]*$)/, (_, first) => (first === 'A' ? '=B' : '=A')))).status,
    ).toBe(403);
    leave.abort();
    await untilIdle();
  });
});

describe('the downloads of a process', () => {
  const makeReader = (): Reader => {
    const listeners: (() => void)[] = [];
    return {
      isGone: false,
      onGone: (listener) => void listeners.push(listener),
      cut() {
        for (const listener of listeners) listener();
      },
    };
  };

  it('are 128, of which each owner has sixteen, and there is room again once one is over', () => {
    const downloads = createDownloads({ log: silentLog });
    const open = (owner: string | null) => {
      const reader = makeReader();
      downloads.begin(owner, reader);
      return reader;
    };
    const readers = Array.from({ length: 128 }, (_, index) => open(`token-${index % 8}`));
    expect(() => open('another')).toThrow('Too many files are being read right now');
    expect(() => open('token-0')).toThrow('of this token');
    readers[0]?.cut();
    expect(downloads.underWay).toBe(127);
    open('another');
    expect(() => open(null)).toThrow('Too many files');
    for (const reader of readers.slice(1)) reader.cut();
    expect(downloads.underWay).toBe(1);
  });

  it('are cut off when they take too long', async () => {
    const downloads = createDownloads({ log: silentLog, secondsMax: 0.01 });
    const server = createServer((_request, response) => {
      downloads.begin('token', readerOf(response));
      response.write('never whole');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    await expect(fetch(`http://127.0.0.1:${address.port}`).then((answer) => answer.text())).rejects.toThrow();
    await waitFor(() => downloads.underWay === 0);
    server.close();
  });

  it('are none of those who are gone already', () => {
    const downloads = createDownloads({ log: silentLog });
    downloads.begin('token', { ...makeReader(), isGone: true });
    expect(downloads.underWay).toBe(0);
  });
});
