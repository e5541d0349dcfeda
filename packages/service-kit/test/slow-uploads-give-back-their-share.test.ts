import { type ClientRequest, request } from 'node:http';
import { defineRoute, INTERNAL_TOKEN_HEADER, principalId } from '@switchboard/contracts';
import { createUploadBudget, implement, waitForBudget } from '@switchboard/service-kit';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createSpeedCheck, type UploadSpeed } from '../src/http/upload-speed.ts';
import { createTestServer, uploadRoute } from './helpers.ts';

describe('a body', () => {
  const speed: UploadSpeed = { graceSeconds: 10, bytesPerSecondMin: 64_000 };

  test('that keeps up is never too slow', () => {
    const isSlow = createSpeedCheck(speed);
    for (let look = 1; look <= 12; look += 1) expect(isSlow(look * 640_000)).toBe(false);
  });

  test('is too slow when it falls behind on average, and may be uneven', () => {
    const isSlow = createSpeedCheck(speed);
    expect(isSlow(1_200_000)).toBe(false);
    expect(isSlow(1_300_000)).toBe(false);
    expect(isSlow(1_900_000)).toBe(true);
  });

  test('is too slow when nothing comes any more, however much there is', () => {
    const isSlow = createSpeedCheck(speed);
    expect(isSlow(19_000_000)).toBe(false);
    expect(isSlow(19_000_000)).toBe(true);
  });

  test('is too slow when nothing comes at all', () => {
    expect(createSpeedCheck(speed)(0)).toBe(true);
  });
});

const BODY_BYTES_MAX = 20_000_000;
const route = defineRoute({
  ...uploadRoute,
  credentials: ['partner_key'],
  bodyBytesMax: BODY_BYTES_MAX,
  body: z.object({ file: z.union([z.string(), z.instanceof(Uint8Array)]) }),
  responses: { 200: { description: '', schema: z.object({ bytes: z.number() }) } },
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Answer {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

const startServer = async (speed: UploadSpeed) => {
  const { app, token, lines } = createTestServer();
  closers.push(() => app.close());
  const budget = createUploadBudget({
    bytesMax: 4 * BODY_BYTES_MAX,
    waitSeconds: 60,
    requestBytesMax: BODY_BYTES_MAX,
    what: 'files',
  });
  const handled = Promise.withResolvers<void>();
  const mayAnswer = Promise.withResolvers<void>();
  waitForBudget(app, route, budget, principalId, speed);
  implement(app, route, async ({ body }) => {
    handled.resolve();
    await mayAnswer.promise;
    return { status: 200, body: { bytes: body.file.length } };
  });
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}${route.path}`;
  const begin = (
    contentType: string,
    bytes = BODY_BYTES_MAX,
  ): { client: ClientRequest; answer: Promise<Answer> } => {
    const client = request(url, {
      method: 'POST',
      headers: {
        'content-type': contentType,
        'content-length': String(bytes),
        [INTERNAL_TOKEN_HEADER]: token(),
      },
    });
    closers.push(() => client.destroy());
    const answer = new Promise<Answer>((resolve, reject) => {
      client.on('error', reject);
      client.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const { error } = JSON.parse(Buffer.concat(chunks).toString());
          const { connection } = response.headers;
          resolve({
            status: response.statusCode,
            connection,
            code: error?.code,
            message: error?.message,
          });
        });
      });
    });
    client.flushHeaders();
    return { client, answer };
  };
  return { budget, begin, handled: handled.promise, mayAnswer, lines };
};

const FORM = 'multipart/form-data; boundary=XX';
const PART = '--XX\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\nabc';
/** Whatever comes is too little. */
const HOPELESS: UploadSpeed = { graceSeconds: 0.05, bytesPerSecondMin: 1_000_000_000 };

test.each([
  ['a form of which nothing comes', FORM, ''],
  ['a form that stops in its file', FORM, PART],
  ['JSON of which nothing comes', 'application/json', ''],
  ['JSON that stops', 'application/json', '{"file":"abc'],
])('%s is refused by its speed, and gives back its share', async (_what, contentType, sent) => {
  const { budget, begin, lines } = await startServer(HOPELESS);
  const { client, answer } = begin(contentType);
  if (sent !== '') client.write(sent);
  const refusal = await answer;
  expect(refusal).toMatchObject({ status: 400, connection: 'close', code: 'INVALID_INPUT' });
  expect(refusal.message).toContain('body: came too slowly, or stopped');
  expect(budget.bytesTaken).toBe(0);
  expect(lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
});

test('a form that was refused is waited for no longer than one that is taken', async () => {
  const { budget, begin } = await startServer(HOPELESS);
  // If this process stood still before it read the form, all that is seen is that it came slowly.
  const refusal = await waitFor(
    async () => {
      const { client, answer } = begin(FORM);
      client.write(`${PART.replace('name="file"; ', '')}\r\n--XX\r\n`);
      const refused = await answer;
      return refused.message?.includes('usable name') && refused;
    },
    { what: 'its fault to be told' },
  );
  expect(refusal).toMatchObject({ status: 400, connection: 'close' });
  expect(budget.bytesTaken).toBe(0);
});

test('one that is whole keeps its share while it is worked on', async () => {
  const { budget, begin, handled, mayAnswer } = await startServer(HOPELESS);
  const body = '{"file":"abc"}';
  const whole = await waitFor(
    async () => {
      const sent = begin('application/json', body.length);
      sent.client.end(body);
      // Too slow even so, if this process stood still before it read the body.
      return (await Promise.race([handled.then(() => true), sent.answer.then(() => false)])) && sent;
    },
    { what: 'a body that is worked on' },
  );
  // Looked at after the first one was.
  expect(await begin('application/json').answer).toMatchObject({ status: 400 });
  expect(budget.bytesTaken).toBe(body.length);
  mayAnswer.resolve();
  expect(await whole.answer).toMatchObject({ status: 200 });
  await waitFor(() => budget.bytesTaken === 0, { what: 'its share to be given back' });
});
