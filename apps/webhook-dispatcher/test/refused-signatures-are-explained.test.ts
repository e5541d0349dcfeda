import { createHmac } from 'node:crypto';
import { deriveWebhookSecret } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MadeEndpoint, startTestAdmin, type TestAdmin } from './support/admin.ts';
import { awkwardBody, ids, KEY_ID, WEBHOOK_SECRET } from './support/deliveries.ts';
import { makeRequest } from './support/dispatcher.ts';
import { type Received, type Receiver, startReceiver } from './support/receiver.ts';

interface Step {
  readonly step: string;
  readonly ok: boolean | null;
  readonly detail: string;
}
interface Explanation {
  readonly valid: boolean;
  readonly steps: readonly Step[];
  readonly advice: string | null;
}

let service: TestAdmin;
let receiver: Receiver;
let endpoint: MadeEndpoint;
let request: Received;

/** A request, when its attempt is on record too. */
const received = async (messageId: string): Promise<Received> => {
  await waitFor(
    async () =>
      (
        await service.rows(`SELECT FROM webhook_deliveries WHERE message_id = $1 AND status = 'succeeded'`, [
          messageId,
        ])
      ).length > 0,
    { what: 'the delivery' },
  );
  const found = receiver.received.find(({ headers }) => headers['webhook-id'] === messageId);
  if (!found) throw new Error('nothing was received');
  return found;
};
const deliver = async ({ owner }: MadeEndpoint): Promise<Received> => received(await service.publish(owner));

beforeAll(async () => {
  service = await startTestAdmin();
  receiver = await startReceiver();
  endpoint = await service.makeEndpoint(receiver.url);
  request = await deliver(endpoint);
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

const headersOf = ({ headers }: Received): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

const explain = async (changes: Record<string, unknown> = {}): Promise<Explanation> => {
  const { status, body } = await service.ask('POST', '/verify', {
    headers: headersOf(request),
    body: request.body.toString(),
    ...changes,
  });
  expect(status).toBe(200);
  // What a receiver checks with is never shown, whatever becomes of it.
  if (typeof changes.secret === 'string') {
    expect(JSON.stringify(body)).not.toContain(changes.secret.trim().replace('whsec_', ''));
  }
  return body;
};

const firstFailed = ({ steps }: Explanation): string | undefined =>
  steps.find(({ ok }) => ok === false)?.step;
const stepOf = ({ steps }: Explanation, name: string): Step => {
  const step = steps.find((one) => one.step === name);
  if (!step) throw new Error(`there is no step ${name}`);
  return step;
};

test('a request as it was sent passes every step, and there is nothing to do', async () => {
  const answer = await explain({ secret: endpoint.secret });
  expect(answer).toMatchObject({ valid: true, advice: null });
  expect(answer.steps.map(({ step, ok }) => [step, ok])).toEqual([
    ['headers', true],
    ['clock', true],
    ['message', true],
    ['bytes', true],
    ['secret', true],
    ['signature', true],
    ['public_key', true],
  ]);
  expect(stepOf(answer, 'secret').detail).toBe('It is the current secret');
  expect(stepOf(answer, 'clock').detail).toMatch(/^Signed \d+ s ago for attempt 1, /);
  const base64 = await explain({ body: undefined, body_base64: request.body.toString('base64') });
  expect(base64).toMatchObject({ valid: true });
  expect(stepOf(base64, 'secret')).toMatchObject({ ok: null });
});

test('headers that are missing or malformed are named', async () => {
  const { 'webhook-timestamp': _gone, ...missing } = headersOf(request);
  const answer = await explain({ headers: missing });
  expect([answer.valid, firstFailed(answer)]).toEqual([false, 'headers']);
  expect(stepOf(answer, 'headers').detail).toBe('webhook-timestamp is missing');
  const inMs = { ...headersOf(request), 'webhook-timestamp': `${request.headers['webhook-timestamp']}000` };
  expect(stepOf(await explain({ headers: inMs }), 'headers').detail).toContain('milliseconds');
  const bare = { ...headersOf(request), 'webhook-signature': 'abc' };
  expect(stepOf(await explain({ headers: bare }), 'headers').detail).toContain('no v1 or v1a signature');
  const nothing = await explain({ headers: {} });
  expect(nothing).toMatchObject({ valid: false, advice: expect.stringContaining('proxy') });
});

test('a clock that is off is told by its seconds', async () => {
  const at = Number(request.headers['webhook-timestamp']);
  const shifted = (seconds: number) => ({
    ...headersOf(request),
    'webhook-timestamp': String(Math.round(Date.now() / 1000) + seconds),
  });
  /** The seconds that are said, and those that passed while it was asked for. */
  const said = async (shift: number, words: RegExp) => {
    const startedAtMs = Date.now();
    const answer = await explain({ headers: shifted(shift) });
    expect(firstFailed(answer)).toBe('clock');
    const { detail } = stepOf(answer, 'clock');
    expect(detail).toMatch(words);
    const passed = Math.ceil((Date.now() - startedAtMs) / 1000);
    return { seconds: Number(words.exec(detail)?.[1]), passed };
  };
  const late = await said(-1000, /^Signed (\d+) s ago; a receiver takes 300 s either way$/);
  expect(late.seconds).toBeGreaterThanOrEqual(1000);
  expect(late.seconds - late.passed).toBeLessThanOrEqual(1000);
  const early = await said(1000, /(\d+) s in the future/);
  expect(early.seconds).toBeLessThanOrEqual(1000);
  expect(early.seconds + early.passed).toBeGreaterThanOrEqual(999);
  const tolerant = await explain({ headers: shifted(-1000), tolerance_seconds: 2000 });
  expect(stepOf(tolerant, 'clock').ok).toBe(true);
  // The signature is of another time.
  expect(stepOf(tolerant, 'signature')).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`attempt 1, whose webhook-timestamp is ${at}`),
  });
});

test('bytes that were parsed and serialised again are told from other bytes', async () => {
  const reserialised = await explain({ body: JSON.stringify(JSON.parse(awkwardBody), null, 2) });
  expect(firstFailed(reserialised)).toBe('bytes');
  expect(stepOf(reserialised, 'bytes').detail).toContain('serialised again');
  expect(stepOf(reserialised, 'signature').detail).toContain('right for the bytes that were sent');
  expect(stepOf(reserialised, 'public_key').detail).toContain('right for the bytes that were sent');
  expect(reserialised.advice).toContain('raw bytes');
  const other = await explain({ body: awkwardBody.replace('completed', 'failed') });
  expect(stepOf(other, 'bytes').detail).toMatch(/^Other bytes than were sent: .* from byte \d+ on$/);
});

test('the secret that a receiver checks with is known by what it is', async () => {
  const own = await service.makeEndpoint(receiver.url, { owner: endpoint.owner, event_types: ['a.b'] });
  const foreign = await service.makeEndpoint(receiver.url);
  const detail = async (secret: string) => stepOf(await explain({ secret }), 'secret');
  expect(await detail(` ${endpoint.secret}\n`)).toMatchObject({
    ok: true,
    detail: expect.stringContaining('spaces'),
  });
  expect(await detail(endpoint.secret.slice('whsec_'.length))).toMatchObject({
    ok: true,
    detail: expect.stringContaining('prefix whsec_ is missing'),
  });
  const ofOther = await detail(own.secret);
  expect(ofOther).toMatchObject({ ok: false, detail: expect.stringContaining(own.id) });
  const ofForeign = await detail(foreign.secret);
  expect(ofForeign).toEqual({
    step: 'secret',
    ok: false,
    detail: 'It is a secret of an endpoint of another owner',
  });
  expect(await detail(`whsec_${'A'.repeat(43)}=`)).toMatchObject({
    ok: false,
    detail: expect.stringContaining('none'),
  });
  const wrong = await explain({ secret: foreign.secret });
  expect([wrong.valid, firstFailed(wrong)]).toEqual([false, 'secret']);
  expect(stepOf(wrong, 'signature').detail).toContain('not of the secret that was given');
});

test('old secrets are told with their end, and signatures by the secret that made them', async () => {
  const rotated = await service.makeEndpoint(receiver.url);
  const before = await deliver(rotated);
  const rotate = (overlap_seconds: number) =>
    service.ask('POST', `/endpoints/${rotated.id}/rotate`, { overlap_seconds });
  const second = (await rotate(3600)).body.secret;
  const during = await deliver(rotated);
  const ask = (one: Received, secret?: string) =>
    explain({ headers: headersOf(one), body: one.body.toString(), ...(secret ? { secret } : {}) });

  const old = await ask(during, rotated.secret);
  expect(old.valid).toBe(true);
  expect(stepOf(old, 'secret').detail).toMatch(/^It is an old secret, which signs until 20/);
  expect(stepOf(old, 'signature').detail).toMatch(
    /v1 signature 1 of 2 is of the current secret; v1 signature 2 of 2 is of an old secret/,
  );
  // The receiver has the new one, and this was signed before there was one.
  const early = await ask(before, second);
  expect([early.valid, firstFailed(early)]).toEqual([false, 'signature']);
  expect(early.advice).toContain('replay');

  await rotate(0);
  const ended = await ask(during, second);
  expect([ended.valid, firstFailed(ended)]).toEqual([false, 'secret']);
  expect(stepOf(ended, 'secret').detail).toMatch(/^It is an old secret, which signed until 20/);
});

test('a message that nobody sent, or that went to another endpoint, is told', async () => {
  const other = await service.makeEndpoint(receiver.url);
  const elsewhere = await explain({ endpoint_id: other.id });
  expect(firstFailed(elsewhere)).toBe('message');
  expect(stepOf(elsewhere, 'message').detail).toBe('It is on record, and was not sent to this endpoint');
  const unknown = await explain({ headers: { ...headersOf(request), 'webhook-id': ids.next() } });
  expect(stepOf(unknown, 'message').detail).toBe('No message with this webhook-id is on record');
  expect(unknown.valid).toBe(false);
  const forged = await explain({
    headers: {
      ...headersOf(request),
      'webhook-signature': `v1,${createHmac('sha256', 'guess').update(request.body).digest('base64')}`,
    },
  });
  expect(stepOf(forged, 'signature')).toMatchObject({
    ok: false,
    detail: 'webhook-signature: it matches no secret that is known here',
  });
  expect(forged.advice).toContain('refuse the request');
});

test('what cannot be looked at is no failure, and is not taken for valid', async () => {
  const gone = await service.makeEndpoint(receiver.url);
  const sent = await deliver(gone);
  await service.ask('DELETE', `/endpoints/${gone.id}`);
  const { 'webhook-signature': signatures = '', ...rest } = headersOf(sent);
  const [hmac = '', ed25519 = ''] = signatures.split(' ');
  const body = sent.body.toString();
  const byHmac = await explain({ headers: { ...rest, 'webhook-signature': hmac }, body });
  expect(byHmac).toMatchObject({ valid: false, advice: expect.stringContaining('Name the endpoint') });
  expect(firstFailed(byHmac)).toBeUndefined();
  // The platform's key says whose it is even without a secret.
  const byKey = await explain({ headers: { ...rest, 'webhook-signature': ed25519 }, body });
  expect(byKey).toMatchObject({ valid: true, advice: null });
  await service.rows('UPDATE webhook_messages SET body = NULL WHERE id = $1', [rest['webhook-id']]);
  expect(stepOf(await explain({ headers: headersOf(sent), body }), 'bytes')).toMatchObject({
    ok: null,
    detail: 'What the message said is kept no longer',
  });
});

test('twenty thousand signatures and a body of nothing but brackets are answered as any other', async () => {
  const many = Array.from({ length: 20_000 }, () => 'v1a,'.padEnd(90, 'A').concat('==')).join(' ');
  const deep = '['.repeat(400_000);
  const answer = await explain({
    headers: { ...headersOf(request), 'webhook-signature': many },
    body: deep + deep.replaceAll('[', ']'),
  });
  expect(answer.valid).toBe(false);
});

test('of a message that went to several endpoints, the one is looked at whose signature it is', async () => {
  const owner = `account:${ids.next()}`;
  const [one, two] = [
    await service.makeEndpoint(receiver.url, { owner }),
    await service.makeEndpoint(receiver.url, { owner }),
  ];
  const messageId = await service.publish(owner);
  const recorded = () =>
    service.rows(`SELECT FROM webhook_deliveries WHERE message_id = $1 AND status = 'succeeded'`, [
      messageId,
    ]);
  await waitFor(async () => (await recorded()).length === 2, { what: 'both deliveries' });
  const both = receiver.received.filter(({ headers }) => headers['webhook-id'] === messageId);
  expect(both).toHaveLength(2);
  for (const each of both) {
    const answers = await Promise.all(
      [one, two].map(({ secret }) => explain({ headers: headersOf(each), body: awkwardBody, secret })),
    );
    expect(answers.map(({ valid }) => valid).toSorted()).toEqual([false, true]);
    expect(await explain({ headers: headersOf(each), body: awkwardBody })).toMatchObject({ valid: true });
  }
});

test('callbacks of partners are explained by both of their signatures', async () => {
  const call = makeRequest(receiver.url, { secret: { kind: 'partner', key_id: KEY_ID, version: 2 } });
  await service.dispatcher.request(call);
  const callback = await received(call.message_id);
  const secretOf = (version: number) => deriveWebhookSecret(WEBHOOK_SECRET, { keyId: KEY_ID, version });
  const ask = (changes: Record<string, unknown>) =>
    explain({ headers: headersOf(callback), body: callback.body.toString(), ...changes });
  const good = await ask({ secret: secretOf(2) });
  expect(good).toMatchObject({ valid: true, advice: null });
  expect(stepOf(good, 'signature').detail).toContain('X-Partner-Signature: it is of version 2');
  expect(stepOf(good, 'public_key').ok).toBeNull();
  const old = await ask({ secret: secretOf(1) });
  expect([old.valid, firstFailed(old)]).toEqual([false, 'secret']);
  expect(stepOf(old, 'secret').detail).toContain('this callback is signed with version 2');
  const bare = await ask({ secret: secretOf(2).slice('whsec_'.length) });
  expect(firstFailed(bare)).toBe('secret');
  // A receiver of the guide looks at its own header alone.
  const { 'x-partner-signature': signature, 'x-webhook-id': id } = headersOf(callback);
  const byGuide = await ask({ headers: { 'X-Partner-Signature': signature, 'X-Webhook-ID': id } });
  expect(byGuide.valid).toBe(true);
  expect(stepOf(byGuide, 'clock').ok).toBeNull();
  const changed = await ask({ body: `${callback.body} ` });
  expect(firstFailed(changed)).toBe('bytes');
});

test('a request that cannot be one is refused, and no body is needed twice', async () => {
  const headers = headersOf(request);
  const wrong = [
    { headers },
    { headers, body: '{}', body_base64: 'e30=' },
    { headers, body_base64: '!' },
    { body: '{}' },
    { headers, body: '{}', endpoint_id: 'x' },
    { headers, body: '{}', tolerance_seconds: 0 },
  ];
  for (const body of wrong) {
    const answer = await service.ask('POST', '/verify', body);
    expect([JSON.stringify(body), answer.status, answer.body.code]).toEqual([
      JSON.stringify(body),
      400,
      'INVALID_INPUT',
    ]);
  }
  const gone = await service.ask('POST', '/verify', { headers, body: '{}', endpoint_id: ids.next() });
  expect([gone.status, gone.body.code]).toEqual([404, 'ENDPOINT_NOT_FOUND']);
});

test('more headers than any request has are refused before each is looked at', async () => {
  const many = Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`h${index}`, index]));
  const answer = await service.ask('POST', '/verify', { headers: many, body: '{}' });
  expect([answer.status, answer.body.fields]).toEqual([
    400,
    [{ field: 'headers', message: 'must have at most 500 headers' }],
  ]);
});
