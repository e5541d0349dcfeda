import { AUDIO_BYTES_MAX, AUDIO_CHUNK_BYTES, partnerRpcs } from '@switchboard/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type CallOptions,
  type MadeKey,
  startTestPartner,
  type TestPartner,
} from './support/partner.ts';
import { makeWav, makeWavOfBytes } from './support/recordings.ts';

let partner: TestPartner;
let key: MadeKey;
let production: MadeKey;
let ids: { companyId: string; agentId: string };
let productionIds: { companyId: string; agentId: string };
const wav = makeWav();
const base64 = wav.toString('base64');

beforeAll(async () => {
  partner = await startTestPartner();
  key = await partner.makeKey();
  production = await partner.makeKey({ environment: 'production' });
  ids = await partner.makeCompany(key);
  productionIds = await partner.makeCompany(production);
});
afterAll(() => partner.close());

const request = (changes: Record<string, unknown> = {}) => ({
  audio_file: base64,
  company_id: ids.companyId,
  agent_id: ids.agentId,
  call_type: 'sales_call',
  ...changes,
});
const analyze = (changes: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  partner.call(key, 'POST', '/calls/analyze', { body: request(changes), headers });
const analyzeRaw = (raw: CallOptions['raw'], type = 'application/json') =>
  partner.call(key, 'POST', '/calls/analyze', { raw, headers: { 'content-type': type } });
const audioOf = async (jobId: unknown) =>
  (
    await partner.rows<{ content: Buffer | null; url: string | null; content_kind: string }>(
      'SELECT content, url, content_kind FROM partner.job_audio WHERE job_id = $1',
      [jobId],
    )
  )[0];

describe('accepting a recording', () => {
  it('answers 202 in the words of the guide, and the job can be polled', async () => {
    const answer = await analyze({ webhook_url: 'https://partner.com/webhook/callback' });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      job_id: expect.any(String),
      status: 'queued',
      estimated_time: '2-3 minutes',
      message: 'Analysis job created successfully',
    });
    const jobId = answer.body.job_id;
    expect(answer.headers.location).toBe(`/api/partner/v1/jobs/${jobId}/status`);
    expect(answer.headers['x-api-version']).toBe('v1');
    const status = await partner.call(key, 'GET', `/jobs/${jobId}/status`);
    expect(status.headers['cache-control']).toBe('private');
    expect(status.body).toEqual({
      job_id: jobId,
      job_type: 'call_analysis',
      status: 'queued',
      progress: 0,
      created_at: expect.any(String),
      updated_at: expect.any(String),
      completed_at: null,
    });
  });

  it('keeps job, recording and event together; the event holds neither the recording nor an address', async () => {
    const { body } = await analyze({ audio_file: 'https://recordings.example.com/a.wav?token=secret' });
    expect(await audioOf(body.job_id)).toMatchObject({
      url: 'https://recordings.example.com/a.wav?token=secret',
    });
    const [event] = await partner.rows<{ data: Record<string, unknown> }>(
      "SELECT data FROM partner.outbox WHERE subject = 'partner.job.queued' AND data->>'job_id' = $1",
      [body.job_id],
    );
    expect(event?.data).toEqual({
      job_id: body.job_id,
      job_type: 'call_analysis',
      environment: 'sandbox',
      analysis_type: 'full',
      call_type: 'sales_call',
      simulate: null,
    });
    const [job] = await partner.rows<{ input_data: unknown }>(
      'SELECT input_data FROM partner.async_jobs WHERE id = $1',
      [body.job_id],
    );
    expect(JSON.stringify(job)).not.toContain('secret');
  });

  it.each([
    ['base64', base64],
    ['base64 with line breaks', base64.replace(/(.{76})/g, '$1\r\n')],
    ['a data: URL', `data:audio/wav;base64,${base64}`],
    ['a data: URL that lies about its type', `data:text/plain;charset=utf-8;base64,${base64}`],
  ])('takes %s', async (_name, audio_file) => {
    const answer = await analyze({ audio_file });
    expect(answer.status).toBe(202);
    const audio = await audioOf(answer.body.job_id);
    expect(audio?.content_kind).toBe('wav');
    expect(audio?.content?.equals(wav)).toBe(true);
  });

  it('takes a form with the file and fields as text, metadata as JSON', async () => {
    const form = new FormData();
    form.set('audio_file', new Blob([new Uint8Array(wav)], { type: 'application/octet-stream' }), 'call.exe');
    for (const [name, value] of Object.entries(
      request({ metadata: '{"order":7}', analysis_type: 'tone_only' }),
    )) {
      if (name !== 'audio_file') form.set(name, String(value));
    }
    const encoded = new Response(form);
    const answer = await analyzeRaw(
      Buffer.from(await encoded.arrayBuffer()),
      String(encoded.headers.get('content-type')),
    );
    expect(answer.status).toBe(202);
    expect((await audioOf(answer.body.job_id))?.content?.equals(wav)).toBe(true);
    const [job] = await partner.rows<{ input_data: unknown }>(
      'SELECT input_data FROM partner.async_jobs WHERE id = $1',
      [answer.body.job_id],
    );
    expect(job?.input_data).toMatchObject({ analysis_type: 'tone_only', metadata: { order: 7 } });
  });

  it('takes 25 MB and gives them back to ai-service piece by piece', async () => {
    const large = makeWavOfBytes(AUDIO_BYTES_MAX);
    const answer = await analyze({ audio_file: large.toString('base64') });
    expect(answer.status).toBe(202);
    const job_id = String(answer.body.job_id);
    const input = await partner.bus.request(partnerRpcs.analysisInput, { job_id });
    expect(input).toMatchObject({ kind: 'stored', bytes: AUDIO_BYTES_MAX });
    const pieces: Buffer[] = [];
    for (let offset = 0; offset < AUDIO_BYTES_MAX; offset += AUDIO_CHUNK_BYTES) {
      const { data } = await partner.bus.request(partnerRpcs.audioChunk, { job_id, offset });
      pieces.push(Buffer.from(data, 'base64'));
    }
    expect(Buffer.concat(pieces).equals(large)).toBe(true);
    const past = await partner.bus.request(partnerRpcs.audioChunk, { job_id, offset: AUDIO_BYTES_MAX });
    expect(past.data).toBe('');
  });

  it('rehearses in the sandbox only', async () => {
    const slow = await analyze({ metadata: { simulate: 'slow' } });
    const wrong = await analyze({ metadata: { simulate: 'fast' } });
    expect(wrong).toMatchObject({ status: 400, body: { error: { code: 'INVALID_INPUT' } } });
    const real = await partner.call(production, 'POST', '/calls/analyze', {
      body: {
        ...request({ metadata: { simulate: 'slow' } }),
        company_id: productionIds.companyId,
        agent_id: productionIds.agentId,
      },
    });
    const simulated = await partner.rows(
      "SELECT input_data->>'simulate' AS simulate FROM partner.async_jobs WHERE id = ANY($1) ORDER BY id",
      [[slow.body.job_id, real.body.job_id]],
    );
    expect(simulated).toEqual([{ simulate: 'slow' }, { simulate: null }]);
  });
});

describe('the same idempotency key', () => {
  it('makes one job however many requests come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => analyze({}, { 'x-idempotency-key': 'race-1' })),
    );
    expect(new Set(answers.map((answer) => answer.body.job_id)).size).toBe(1);
    expect(answers.filter((answer) => answer.status === 202)).toHaveLength(1);
    const repeats = answers.filter((answer) => answer.status === 200);
    expect(repeats).toHaveLength(19);
    expect(repeats.every((answer) => answer.headers['idempotent-replay'] === 'true')).toBe(true);
    const jobs = await partner.rows("SELECT FROM partner.async_jobs WHERE idempotency_key = 'race-1'");
    expect(jobs).toHaveLength(1);
  });

  it('is shared by the keys of one partner, and by nobody else', async () => {
    const headers = { 'x-idempotency-key': 'shared-1' };
    const first = await analyze({}, headers);
    const sibling = await partner.makeKey();
    const again = await partner.call(sibling, 'POST', '/calls/analyze', { body: request(), headers });
    expect(again).toMatchObject({ status: 200, body: { job_id: first.body.job_id } });
    const stranger = await partner.makeKey({ partner: 'Somebody Else' });
    const other = await partner.call(stranger, 'POST', '/calls/analyze', { body: request(), headers });
    expect(other.status).toBe(202);
    expect(other.body.job_id).not.toBe(first.body.job_id);
  });

  it('refuses another recording', async () => {
    const headers = { 'x-idempotency-key': 'other-1' };
    await analyze({}, headers);
    const answer = await analyze({ audio_file: makeWav(0.2).toString('base64') }, headers);
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'DUPLICATE_REQUEST' } } });
  });

  it('is free again after a refusal, and after it was forgotten', async () => {
    const headers = { 'x-idempotency-key': 'later-1' };
    const refused = await analyze({ agent_id: ids.companyId }, headers);
    expect(refused).toMatchObject({ status: 404, body: { error: { code: 'AGENT_NOT_FOUND' } } });
    const first = await analyze({}, headers);
    expect(first.status).toBe(202);
    await partner.rows("UPDATE partner.idempotency_records SET expires_at = now() WHERE key = 'later-1'");
    const later = await analyze({}, headers);
    expect(later.status).toBe(202);
    expect(later.body.job_id).not.toBe(first.body.job_id);
  });

  it('must be visible characters', async () => {
    const answer = await analyze({}, { 'x-idempotency-key': 'a b' });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_IDEMPOTENCY_KEY' } } });
  });
});

describe('what cannot be analysed is refused at once', () => {
  it.each([
    ['nothing', ''],
    ['text that is not base64', 'not base64!'],
    ['base64 that is cut', base64.slice(0, -1)],
    ['base64 with a stray character', `${base64.slice(0, 40)}*${base64.slice(41)}`],
    ['base64 with dirty padding bits', 'QR=='],
    ['a text file', Buffer.from('Hello, this is no audio at all').toString('base64')],
    ['a data: URL of 0 bytes', 'data:audio/wav;base64,'],
    ['a data: URL that is not base64', 'data:audio/wav,RIFF'],
    ['a file: URL', 'file:///etc/passwd'],
    ['loopback', 'http://127.0.0.1:8080/a.wav'],
    ['loopback in decimal', 'http://2130706433/a.wav'],
    ['a metadata address', 'http://169.254.169.254/latest'],
    ['mapped loopback', 'http://[::ffff:127.0.0.1]/a.wav'],
    ['localhost', 'https://localhost/a.wav'],
    ['a low port', 'https://example.com:22/a.wav'],
    ['credentials in the URL', 'https://user:pw@example.com/a.wav'],
    ['line breaks in the URL', 'https://example.com/a.wav\r\nX-Evil: 1'],
  ])('%s', async (_name, audio_file) => {
    const answer = await analyze({ audio_file });
    expect(answer.status).toBe(400);
    expect(['INVALID_AUDIO_FILE', 'INVALID_INPUT']).toContain(answer.body.error?.code);
  });

  it('one byte over 25 MB, in JSON and in a form', async () => {
    const large = makeWavOfBytes(AUDIO_BYTES_MAX + 1);
    const inJson = await analyze({ audio_file: large.toString('base64') });
    expect(inJson).toMatchObject({ status: 413, body: { error: { code: 'PAYLOAD_TOO_LARGE' } } });
    const form = new FormData();
    form.set('audio_file', new Blob([new Uint8Array(large)]), 'call.wav');
    for (const [name, value] of Object.entries(request()))
      if (name !== 'audio_file') form.set(name, String(value));
    const encoded = new Response(form);
    const inForm = await analyzeRaw(
      Buffer.from(await encoded.arrayBuffer()),
      String(encoded.headers.get('content-type')),
    );
    expect(inForm).toMatchObject({ status: 413, body: { error: { code: 'PAYLOAD_TOO_LARGE' } } });
  });

  it.each([
    ['http://127.0.0.1:3090/hook', 400],
    ['ftp://example.com/hook', 400],
    ['https://10.0.0.1/hook', 400],
    ['https://example.com/hook\u0000', 400],
    ['http://example.com/hook', 202],
    [null, 202],
  ])('webhook_url %s → %i in the sandbox', async (webhook_url, status) => {
    expect((await analyze({ webhook_url })).status).toBe(status);
  });

  it('in production also plain http', async () => {
    for (const changes of [
      { webhook_url: 'http://example.com/hook' },
      { audio_file: 'http://example.com/a.wav' },
    ]) {
      const body = {
        ...request(changes),
        company_id: productionIds.companyId,
        agent_id: productionIds.agentId,
      };
      expect((await partner.call(production, 'POST', '/calls/analyze', { body })).status).toBe(400);
    }
  });

  it.each([
    ['no JSON', '{"audio_file": '],
    ['an array', '[]'],
    ['null', 'null'],
    ['nesting that would overflow a stack', `{"metadata":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['a key that reaches prototypes', '{"__proto__":{"company_id":"x"}}'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('%s', async (_name, raw) => {
    const answer = await analyzeRaw(raw);
    expect(answer.status).toBe(400);
    expect(answer.body.error?.code).toBe('INVALID_INPUT');
  });

  const namesOf = (answer: Answer) =>
    ((answer.body.error?.details.fields ?? []) as { field: string }[]).map(({ field }) => field).sort();

  it('fields that are wrong, each by name', async () => {
    const answer = await analyze({
      company_id: 'x',
      agent_id: 5,
      call_type: 'x'.repeat(101),
      analysis_type: 'half',
      webhook_url: 'no address',
      audio_file: 5,
    });
    expect(answer.status).toBe(400);
    expect(namesOf(answer)).toEqual([
      'agent_id',
      'analysis_type',
      'audio_file',
      'call_type',
      'company_id',
      'webhook_url',
    ]);
    const forbidden = await analyze({
      webhook_url: 'http://10.0.0.1/hook',
      metadata: { simulate: 'fast' },
    });
    expect(namesOf(forbidden)).toEqual(['metadata.simulate', 'webhook_url']);
  });

  it('nothing that is null and optional', async () => {
    const answer = await analyze({ webhook_url: null, analysis_type: null, metadata: null });
    expect(answer.status).toBe(202);
  });

  it.each([
    ['text with NUL', { call_type: 'a\u0000b' }],
    ['half a surrogate pair', { call_type: 'a\ud800b' }],
    ['metadata with NUL', { metadata: { a: ['\u0000'] } }],
    ['metadata that is a list', { metadata: [1] }],
    ['metadata of 17 kB', { metadata: { a: 'x'.repeat(17 * 1024) } }],
    ['metadata 21 levels deep', { metadata: JSON.parse(`${'{"a":'.repeat(21)}1${'}'.repeat(21)}`) }],
  ])('%s', async (_name, changes) => {
    const answer = await analyze(changes);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_INPUT' } } });
  });

  it('keeps the last of two fields of one name, everywhere the same', async () => {
    const body = JSON.stringify(request());
    const twice = `${body.slice(0, -1)},"call_type":"second"}`;
    const answer = await analyzeRaw(twice);
    expect(answer.status).toBe(202);
    const [job] = await partner.rows<{ call_type: string }>(
      "SELECT input_data->>'call_type' AS call_type FROM partner.async_jobs WHERE id = $1",
      [answer.body.job_id],
    );
    expect(job?.call_type).toBe('second');
  });

  it('a content type that is neither JSON nor a form', async () => {
    const answer = await analyzeRaw(wav, 'audio/wav');
    expect(answer).toMatchObject({ status: 415, body: { error: { code: 'UNSUPPORTED_MEDIA_TYPE' } } });
  });

  it('an agent of another company, and companies that are not there', async () => {
    const other = await partner.makeCompany(key, 'Other');
    const agent = await analyze({ agent_id: other.agentId });
    expect(agent).toMatchObject({ status: 404, body: { error: { code: 'AGENT_NOT_FOUND' } } });
    const company = await analyze({ company_id: productionIds.companyId });
    expect(company).toMatchObject({ status: 404, body: { error: { code: 'COMPANY_NOT_FOUND' } } });
  });
});

it('says 503 to everything when the surface is switched off', async () => {
  const off = await startTestPartner({ enabled: false });
  try {
    const anyKey = await off.makeKey();
    const answer = await off.call(anyKey, 'GET', '/companies');
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'SERVICE_UNAVAILABLE' } } });
  } finally {
    await off.close();
  }
});
