import { ANALYZE_BODY_BYTES_MAX, AUDIO_BYTES_MAX } from '@switchboard/contracts';
import { createUploadBudget } from '@switchboard/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MadeKey, startTestPartner, type TestPartner } from './support/partner.ts';
import { makeWavOfBytes } from './support/recordings.ts';

const createBudget = (waitSeconds: number) =>
  createUploadBudget({
    bytesMax: 100,
    waitSeconds,
    requestBytesMax: ANALYZE_BODY_BYTES_MAX,
    what: 'recordings',
  });

describe('the upload budget', () => {
  it('lets in what fits, in the order it came, and one alone however large', async () => {
    const budget = createBudget(60);
    const first = await budget.take(80, 'a');
    const order: string[] = [];
    const second = budget.take(500, 'b').then((release) => {
      order.push('second');
      return release;
    });
    const third = budget.take(30, 'c').then((release) => {
      order.push('third');
      return release;
    });
    expect(budget.waiting).toBe(2);
    first();
    first();
    (await second)();
    (await third)();
    expect(order).toEqual(['second', 'third']);
    expect(budget.bytesTaken).toBe(0);
  });

  it('lets a small one pass a large one of somebody else, and of its own', async () => {
    const budget = createBudget(60);
    // Five of one token and one of another that send nothing, and one more that waits: what a third one sends is small.
    const held = [await budget.take(50, 'slow'), await budget.take(40, 'slower')];
    const large = budget.take(20, 'slower');
    (await budget.take(1, 'other'))();
    (await budget.take(1, 'slower'))();
    expect(budget.waiting).toBe(1);
    for (const release of held) release();
    (await large)();
    expect(budget.bytesTaken).toBe(0);
  });

  it('has a large one passed by no more than its own size, however many small ones come', async () => {
    const budget = createBudget(60);
    const held = await budget.take(85, 'a');
    const large = budget.take(30, 'b');
    const passing = [await budget.take(10, 'c'), await budget.take(5, 'd')];
    for (const release of passing) release();
    (await budget.take(15, 'e'))();
    const late = budget.take(1, 'f');
    expect(budget.bytesTaken).toBe(85);
    expect(budget.waiting).toBe(2);
    held();
    (await large)();
    (await late)();
    expect(budget.bytesTaken).toBe(0);
  });

  it('refuses with 503 what waited too long, and goes on', async () => {
    const budget = createBudget(0.05);
    const release = await budget.take(100, 'a');
    await expect(budget.take(1, 'b')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', status: 503 });
    expect(budget.waiting).toBe(0);
    release();
    (await budget.take(100, 'b'))();
    expect(budget.bytesTaken).toBe(0);
  });

  it('leaves room for others, whatever one partner holds or has waiting', async () => {
    const budget = createBudget(60);
    // Announced and sent slowly, or never.
    const held = await budget.take(50, 'slow');
    const waiting = Array.from({ length: 32 }, () => budget.take(50, 'slow'));
    await expect(budget.take(1, 'slow')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    (await budget.take(50, 'other'))();
    expect(budget.bytesTaken).toBe(50);
    held();
    for (const one of waiting) (await one)();
    expect(budget.bytesTaken).toBe(0);
    expect(budget.waiting).toBe(0);
  });
});

describe('twelve recordings of 25 MB at once', () => {
  let partner: TestPartner;
  let key: MadeKey;
  beforeAll(async () => {
    partner = await startTestPartner({ uploadBytesMax: 112 * 1024 * 1024 });
    key = await partner.makeKey();
  });
  afterAll(() => partner.close());

  // 300 MB through the parser and into Postgres.
  it('are all accepted, two at a time, and memory stays bounded', { timeout: 300_000 }, async () => {
    const { companyId, agentId } = await partner.makeCompany(key);
    const raw = Buffer.from(
      JSON.stringify({
        audio_file: makeWavOfBytes(AUDIO_BYTES_MAX).toString('base64'),
        company_id: companyId,
        agent_id: agentId,
        call_type: 'support',
      }),
    );
    let mostTaken = 0;
    let mostMemory = 0;
    const before = process.memoryUsage().rss;
    const watch = setInterval(() => {
      mostTaken = Math.max(mostTaken, partner.uploads.bytesTaken);
      mostMemory = Math.max(mostMemory, process.memoryUsage().rss - before);
    }, 5);
    const headers = { 'content-type': 'application/json', 'content-length': String(raw.length) };
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => partner.call(key, 'POST', '/calls/analyze', { raw, headers })),
    );
    clearInterval(watch);
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 12 }, () => 202));
    expect(mostTaken).toBeLessThanOrEqual(112 * 1024 * 1024);
    expect(partner.uploads.bytesTaken).toBe(0);
    // All twelve at once would hold over 2 GB.
    expect(mostMemory).toBeLessThan(1_000 * 1024 * 1024);
  });

  it('give back their share when the request is refused', async () => {
    const answer = await partner.call(key, 'POST', '/calls/analyze', { body: {} });
    expect(answer.status).toBe(400);
    expect(partner.uploads.bytesTaken).toBe(0);
  });
});
