import { createServer } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { AUDIO_BYTES_MAX, partnerRoutes, type RouteContract } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchPatiently } from './support/fetch-patiently.ts';
import {
  besideTheMainJob,
  createPartnerClient,
  type PartnerClient,
  type PartnerCredentials,
  type Platform,
  startPlatform,
} from './support/platform.ts';
import { makeToneWav } from './support/tone-wav.ts';

/** What a stranger, a careless partner or another tenant may try, through the real gateway to the real services. */
let platform: Platform;
let credentials: PartnerCredentials;
let client: PartnerClient;
let ids: { company_id: string; agent_id: string };

beforeAll(async () => {
  // Targets are guarded as in production: nothing private may be called.
  const strict = { WEBHOOK_ALLOW_PRIVATE_TARGETS: 'false' };
  platform = await startPlatform(
    {
      'partner-service': strict,
      'ai-service': strict,
      'webhook-dispatcher': { ...strict, WEBHOOK_PARTNER_SCHEDULE_SECONDS: '0' },
    },
    { without: besideTheMainJob },
  );
  credentials = await platform.createKey();
  client = createPartnerClient(platform.gatewayUrl, credentials);
  ids = await client.createCompanyWithAgent();
}, 180_000);
afterAll(() => platform?.stop());

const analyze = (fields: Readonly<Record<string, unknown>>, by = client) =>
  by.post('/calls/analyze', {
    ...ids,
    call_type: 'support',
    analysis_type: 'tone_only',
    audio_file: makeToneWav(1).toString('base64'),
    ...fields,
  });

const errorOf = (text: string) => (JSON.parse(text) as { error: { code: string; message: string } }).error;

const expectAlive = async () => expect((await client.get('/health')).status).toBe(200);

describe('another tenant', () => {
  const fill = (route: RouteContract, values: Readonly<Record<string, string>>) =>
    route.path
      .replace('/api/partner/v1', '')
      .replaceAll(/:(\w+)/g, (_, name: string) => values[name] ?? 'unknown');

  test('no route shows or changes what belongs to another partner or to another environment', async () => {
    const accepted = await analyze({ metadata: { secret: 'only-ours' } });
    const { job_id } = JSON.parse(accepted.text) as { job_id: string };
    const { call_id = '' } = await client.waitForJob(job_id);
    const other = createPartnerClient(
      platform.gatewayUrl,
      await platform.createKey({ partnerName: 'Another Partner' }),
    );
    const production = createPartnerClient(
      platform.gatewayUrl,
      await platform.createKey({ environment: 'production' }),
    );
    const bodies: Readonly<Record<string, unknown>> = {
      [partnerRoutes.putQuestionnaire.id]: { questionnaire_data: { stolen: true } },
      [partnerRoutes.createAgent.id]: { email: 'thief@example.com', name: 'Thief' },
      [partnerRoutes.analyzeCall.id]: {
        ...ids,
        call_type: 'x',
        audio_file: makeToneWav(1).toString('base64'),
      },
    };
    const values = { company_id: ids.company_id, job_id, call_id };
    const companyRoutes = new Set<string>(
      [
        partnerRoutes.getCompany,
        partnerRoutes.putQuestionnaire,
        partnerRoutes.createAgent,
        partnerRoutes.listAgents,
      ].map((route) => route.id),
    );
    for (const route of Object.values(partnerRoutes) as readonly RouteContract[]) {
      if (!route.path.includes('/:') && route.id !== partnerRoutes.analyzeCall.id) continue;
      const inProduction = await production.call(route.method, fill(route, values), bodies[route.id]);
      expect(inProduction.status, `${route.id} from production: ${inProduction.text}`).toBe(404);
      // Companies are seen by every unbound key of an environment (guide); jobs and calls are not.
      if (companyRoutes.has(route.id) || route.id === partnerRoutes.analyzeCall.id) continue;
      const byOther = await other.call(route.method, fill(route, values), bodies[route.id]);
      expect(byOther.status, `${route.id} from another partner: ${byOther.text}`).toBe(404);
    }
    for (const path of ['/jobs', '/calls']) {
      for (const stranger of [other, production]) {
        expect((await stranger.get(path)).text).not.toContain(job_id);
      }
    }
    expect(JSON.parse((await other.get('/statistics')).text)).toMatchObject({ total_calls: 0 });
  }, 300_000);
});

describe('a partner that takes its time', () => {
  test('announces many large recordings and hardly sends them: the recording of another is taken', async () => {
    const other = createPartnerClient(
      platform.gatewayUrl,
      await platform.createKey({ partnerName: 'Waits For Nobody' }),
    );
    const url = new URL(platform.gatewayUrl);
    // Four of these fill the budget of 128 MB, if they may.
    const slow = Array.from({ length: 12 }, () => {
      const socket = connect(Number(url.port), url.hostname);
      socket.on('error', () => {});
      socket.write(
        `POST /api/partner/v1/calls/analyze HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${credentials.key}\r\nX-API-Secret: ${credentials.secret}\r\nContent-Type: application/json\r\nContent-Length: 33554400\r\n\r\n{"audio_file":"`,
      );
      return socket;
    });
    const { url: partnerUrl } = platform.services['partner-service'];
    try {
      // Some are being read and some wait: as many as they may hold.
      await waitFor(
        async () => /^uploads_waiting\S* [1-9]/m.test(await (await fetch(`${partnerUrl}/metrics`)).text()),
        {
          what: 'uploads to wait',
        },
      );
      const answer = await analyze({}, other);
      expect(answer.status, answer.text).toBe(202);
    } finally {
      for (const socket of slow) socket.destroy();
    }
  }, 180_000);

  test('sends millions of values: nobody waits until they are counted', async () => {
    for (const unit of ['{},', '[],', '0,']) {
      const bomb = `{"metadata":{"a":[${unit.repeat(Math.floor(30_000_000 / unit.length))}0]}}`;
      const response = await fetchPatiently(`${platform.gatewayUrl}/api/partner/v1/calls/analyze`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${credentials.key}`,
          'x-api-secret': credentials.secret,
          'content-type': 'application/json',
        },
        body: bomb,
      });
      expect(response.status).toBe(400);
      expect(errorOf(await response.text()).message).toContain('more than 200000 values');
    }
    await expectAlive();
  }, 240_000);
});

describe('addresses that a caller makes us fetch', () => {
  const PRIVATE = [
    'http://127.0.0.1/a.wav',
    'http://localhost:8080/a.wav',
    'http://LOCALHOST./a.wav',
    'http://[::1]/a.wav',
    'http://2130706433/a.wav',
    'http://0x7f000001/a.wav',
    'http://0177.0.0.1/a.wav',
    'http://127.1/a.wav',
    'http://0.0.0.0/a.wav',
    'http://10.0.0.8/a.wav',
    'http://172.16.0.1/a.wav',
    'http://192.168.1.1/a.wav',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00::1]/a.wav',
    'http://[fe80::1]/a.wav',
    'http://[::ffff:127.0.0.1]/a.wav',
    'http://[::ffff:7f00:1]/a.wav',
    'http://[64:ff9b::7f00:1]/a.wav',
    'http://[2002:7f00:1::]/a.wav',
    'http://100.64.0.1/a.wav',
    'http://192.0.0.1/a.wav',
    'http://198.18.0.1/a.wav',
    'http://224.0.0.1/a.wav',
    'http://240.0.0.1/a.wav',
    'http://user:secret@example.com/a.wav',
    'http://example.com:22/a.wav',
    'ftp://example.com/a.wav',
    'file:///etc/passwd',
  ];

  test.each(PRIVATE)('%s is refused as audio_file and as webhook_url before a job is made', async (url) => {
    for (const fields of [{ audio_file: url }, { webhook_url: url }]) {
      const answer = await analyze(fields);
      expect(answer.status, answer.text).toBe(400);
      expect(['INVALID_INPUT', 'INVALID_AUDIO_FILE']).toContain(errorOf(answer.text).code);
    }
  });

  test('a production key may use https only', async () => {
    const production = createPartnerClient(
      platform.gatewayUrl,
      await platform.createKey({ environment: 'production', partnerName: 'Https Only' }),
    );
    const own = await production.createCompanyWithAgent();
    const answer = await analyze({ ...own, webhook_url: 'http://example.com/hook' }, production);
    expect(answer.status).toBe(400);
    expect(errorOf(answer.text).message).toContain('webhook_url');
  });

  test('a name that resolves to a private address ends the job, and nothing is connected to', async () => {
    let connections = 0;
    const server = createServer((_req, res) => {
      connections += 1;
      res.end('secret');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    // Names under localhost resolve to loopback on every system (RFC 6761); any other name needs a network.
    const accepted = await analyze({ audio_file: `http://inner.localhost:${port}/a.wav` });
    if (accepted.status === 202) {
      const job = await client.waitForJob((JSON.parse(accepted.text) as { job_id: string }).job_id);
      expect(job).toMatchObject({ status: 'failed' });
    } else {
      expect(accepted.status).toBe(400);
    }
    expect(connections).toBe(0);
    server.close();
  }, 300_000);
});

describe('recordings that are none', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['text that is not base64', '!!!not base64!!!'],
    ['base64 with a hole in it', `${makeToneWav(1).toString('base64').slice(0, 100)}*`],
    ['base64 of a page', Buffer.from('<html>hello</html>').toString('base64')],
    ['base64 of a zip', Buffer.from('PK\u0003\u0004 and so on').toString('base64')],
    ['base64 of a gzip bomb', gzipSync(Buffer.alloc(5_000_000)).toString('base64')],
    ['a data: URL without data', 'data:audio/wav;base64,'],
    ['a data: URL of text', 'data:text/html,<script>'],
  ];
  test.each(refused)('%s is 400', async (_, audio_file) => {
    const answer = await analyze({ audio_file });
    expect(answer.status, answer.text).toBe(400);
    expect(['INVALID_AUDIO_FILE', 'INVALID_INPUT']).toContain(errorOf(answer.text).code);
  });

  const failing: readonly (readonly [string, () => Buffer, readonly string[]])[] = [
    ['a WAV cut in its header', () => makeToneWav(1).subarray(0, 30), ['INVALID_AUDIO_FILE', 'EMPTY_AUDIO']],
    ['a WAV with no samples', () => makeToneWav(0), ['EMPTY_AUDIO']],
    [
      'a WAV whose header promises 4 GB',
      () => {
        const wav = makeToneWav(0);
        wav.writeUInt32LE(0xfffffff0, 40);
        return wav;
      },
      ['EMPTY_AUDIO', 'INVALID_AUDIO_FILE', 'AUDIO_TOO_LONG'],
    ],
    [
      'an MP3 that is noise behind its first frame',
      () => Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(20_000, 0xa5)]),
      ['INVALID_AUDIO_FILE', 'EMPTY_AUDIO'],
    ],
    [
      'a FLAC of zeros',
      () => Buffer.concat([Buffer.from('fLaC'), Buffer.alloc(50_000)]),
      ['INVALID_AUDIO_FILE', 'EMPTY_AUDIO'],
    ],
    [
      'an Ogg cut in its first page',
      () => Buffer.concat([Buffer.from('OggS'), Buffer.alloc(20)]),
      ['INVALID_AUDIO_FILE', 'EMPTY_AUDIO'],
    ],
    ['a recording that is ten seconds too long', () => makeToneWav(1410), ['AUDIO_TOO_LONG']],
  ];
  test.each(failing)(
    '%s ends its job failed, and the service lives',
    async (_, make, codes) => {
      const answer = await analyze({ audio_file: make().toString('base64') });
      if (answer.status === 400) {
        expect(errorOf(answer.text).code).toBe('INVALID_AUDIO_FILE');
        return;
      }
      expect(answer.status, answer.text).toBe(202);
      const job = await client.waitForJob((JSON.parse(answer.text) as { job_id: string }).job_id);
      expect(job.status).toBe('failed');
      expect(codes).toContain(job.error_details?.code);
    },
    300_000,
  );

  test('25 MB are taken, one byte more is 413 or 400, in the dialect of the surface', async () => {
    const exact = Buffer.concat([makeToneWav(1), Buffer.alloc(AUDIO_BYTES_MAX)]).subarray(0, AUDIO_BYTES_MAX);
    const taken = await analyze({ audio_file: exact.toString('base64') });
    expect(taken.status, taken.text).toBe(202);
    // Who is refused while it still sends, and sends slowly, may see the connection end instead of the answer.
    const answerTo = (audio_file: string) =>
      waitFor(() => analyze({ audio_file }), { what: 'an answer to what is too large', timeoutMs: 120_000 });
    const over = await answerTo(Buffer.concat([exact, Buffer.alloc(1)]).toString('base64'));
    expect([400, 413]).toContain(over.status);
    expect(['INVALID_AUDIO_FILE', 'PAYLOAD_TOO_LARGE']).toContain(errorOf(over.text).code);
    const wayOver = await answerTo('A'.repeat(AUDIO_BYTES_MAX * 2));
    expect(wayOver.status).toBe(413);
    expect(errorOf(wayOver.text).code).toBe('PAYLOAD_TOO_LARGE');
    await expectAlive();
  }, 360_000);

  test('a file of 0 bytes by multipart is refused with words', async () => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...ids, call_type: 'support' })) form.set(name, value);
    form.set('audio_file', new Blob([]), 'empty.wav');
    const answer = await fetch(`${platform.gatewayUrl}/api/partner/v1/calls/analyze`, {
      method: 'POST',
      headers: { authorization: `Bearer ${credentials.key}`, 'x-api-secret': credentials.secret },
      body: form,
    });
    expect(answer.status).toBe(400);
    expect(errorOf(await answer.text()).message).toContain('0 bytes');
  });
});

describe('JSON that is meant to hurt', () => {
  const send = async (body: string) => {
    const response = await fetch(`${platform.gatewayUrl}/api/partner/v1/companies/create`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${credentials.key}`,
        'x-api-secret': credentials.secret,
        'content-type': 'application/json',
      },
      body,
    });
    return { status: response.status, text: await response.text() };
  };

  test.each([
    [
      'deep arrays',
      `{"name":"x","contact_email":"a@b.co","questionnaire_data":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    ],
    ['deep objects', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
    ['cut off', '{"name":"x"'],
    ['no JSON', 'name=x'],
    ['a prototype', '{"name":"x","contact_email":"a@b.co","__proto__":{"admin":true}}'],
    ['NUL in a text', '{"name":"x\\u0000y","contact_email":"a@b.co"}'],
    ['an array', '[]'],
    ['null', 'null'],
  ])('%s is 400 in the dialect, never 500', async (_, body) => {
    const answer = await send(body);
    expect(answer.status, answer.text.slice(0, 300)).toBe(400);
    expect(errorOf(answer.text).code).toBe('INVALID_INPUT');
    await expectAlive();
  });

  test('of a key that comes twice, one value alone is checked and used', async () => {
    const answer = await send(
      '{"name":"first","contact_email":"not-an-address","name":"second","contact_email":"a@b.co"}',
    );
    if (answer.status === 400) return;
    expect(answer.status, answer.text).toBe(201);
    const { company_id } = JSON.parse(answer.text) as { company_id: string };
    expect(JSON.parse((await client.get(`/companies/${company_id}`)).text)).toMatchObject({
      name: 'second',
      contact_email: 'a@b.co',
    });
  });
});

describe('requests that lie about themselves', () => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const url = new URL(platform.gatewayUrl);
      const socket = connect(Number(url.port), url.hostname, () => socket.write(text));
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
      socket.setTimeout(45_000, () => socket.destroy(new Error('no answer in 45 s')));
    });

  test('headers that claim to be somebody are dropped', async () => {
    const response = await fetch(`${platform.gatewayUrl}/api/partner/v1/health`, {
      headers: {
        'x-internal-token': 'forged',
        'x-principal-id': 'admin',
        'x-forwarded-for': '10.0.0.1',
      },
    });
    expect(response.status).toBe(401);
  });

  test('two lengths, or a length beside chunks, are refused and nothing is smuggled', async () => {
    const head = `POST /api/partner/v1/companies/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${credentials.key}\r\nX-API-Secret: ${credentials.secret}\r\nContent-Type: application/json\r\n`;
    const smuggled = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
    for (const lies of [
      `Content-Length: 2\r\nContent-Length: ${2 + smuggled.length}\r\n\r\n{}${smuggled}`,
      `Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n${smuggled}`,
    ]) {
      const answer = await raw(head + lies);
      expect(answer).toMatch(/^HTTP\/1\.1 400/);
      expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    }
    await expectAlive();
  });

  test('a line break in a header value reaches nobody', async () => {
    const answer = await raw(
      `GET /api/partner/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: a\rb: c\r\nAuthorization: Bearer ${credentials.key}\r\nX-API-Secret: ${credentials.secret}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 (400|200)/);
    expect(answer.toLowerCase()).not.toContain('\nb: c');
  });

  test('services take nothing without the gateway', async () => {
    const { url } = platform.services['partner-service'];
    for (const headers of [
      {},
      { authorization: `Bearer ${credentials.key}`, 'x-api-secret': credentials.secret },
    ]) {
      const response = await fetch(`${url}/api/partner/v1/companies`, { headers });
      expect(response.status).toBe(401);
    }
  });
});
