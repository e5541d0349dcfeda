import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type IntegrationTokenCredentials, type Platform, startPlatform } from './support/platform.ts';

const run = promisify(execFile);

/** The guide's health check, to the letter. Only the host is filled in. */
const healthCheck = `curl https://your-project.supabase.co/functions/v1/integration-tickets \\
  -H "Authorization: Bearer test-token"`;

/** The guide's client with retries, to the letter. `baseUrl`, `token`, `fetch` and `setTimeout` are what it leaves open. */
const guideClient = `
async function createTicketWithRetry(data, maxRetries = 3) {
  for (let i = 0; i < maxRetries; i++) {
    try {
      const response = await fetch(\`\${baseUrl}/tickets\`, {
        method: 'POST',
        headers: {
          'Authorization': \`Bearer \${token}\`,
          'Content-Type': 'application/json'
        },
        body: JSON.stringify(data)
      });

      if (response.status === 429) {
        // Rate limited - wait and retry
        await new Promise(resolve => setTimeout(resolve, 5000 * (i + 1)));
        continue;
      }

      if (!response.ok) {
        throw new Error(\`HTTP \${response.status}: \${await response.text()}\`);
      }

      return await response.json();
    } catch (error) {
      if (i === maxRetries - 1) throw error;
      await new Promise(resolve => setTimeout(resolve, 1000 * (i + 1)));
    }
  }
}`;

const SURFACE = '/functions/v1/integration-tickets';

let platform: Platform;
let baseUrl: string;
beforeAll(async () => {
  platform = await startPlatform({}, { without: ['partner-service', 'ai-service', 'call-service'] });
  baseUrl = `${platform.gatewayUrl}${SURFACE}`;
}, 180_000);
afterAll(() => platform?.stop());

/** The guide's function, with the time that it would wait told to `onWait` in place of waiting. */
const clientOf = (token: string, onWait: (ms: number) => Promise<unknown> = async () => undefined) => {
  const setTimeoutOfOurs = (resolve: () => void, ms: number) => void onWait(ms).then(resolve);
  const make = new Function(
    'baseUrl',
    'token',
    'fetch',
    'setTimeout',
    `${guideClient}\nreturn createTicketWithRetry;`,
  );
  return make(baseUrl, token, fetch, setTimeoutOfOurs) as (data: unknown) => Promise<{
    readonly ticket: { readonly id: string; readonly status: string };
  }>;
};

const ask = async (
  { token }: Pick<IntegrationTokenCredentials, 'token'>,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) => {
  const answer = await fetch(`${baseUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? null : JSON.parse(text) };
};

/** An administrator has 300 requests a minute, and so has whoever waits in their name. */
const seldom = { intervalMs: 250 };

/** For what has to be within one clock hour, because a token is counted by it. */
const notAtTheEndOfAnHour = async () => {
  const leftMs = 3_600_000 - (Date.now() % 3_600_000);
  if (leftMs < 40_000) await pause(leftMs + 100);
};

describe('the guide', () => {
  test('checks the deployment with a token that is none, and is told so', async () => {
    const command = healthCheck.replace('https://your-project.supabase.co', platform.gatewayUrl);
    const { stdout } = await run('bash', ['-c', command.replace('curl', 'curl -sS')]);
    expect(JSON.parse(stdout)).toMatchObject({ error: 'invalid_token' });
  });

  test('names the endpoints that there are', async () => {
    const token = await platform.createIntegrationToken();
    for (const path of ['', '/']) {
      const { status, body } = await ask(token, 'GET', path);
      expect([status, body.status]).toEqual([200, 'ok']);
      expect(body.endpoints).toEqual(
        expect.arrayContaining([
          'POST /tickets',
          'GET /tickets/:id',
          'POST /tickets/:id/comments',
          'PATCH /tickets/:id/status',
          'GET /tickets/changes',
          'POST /webhooks',
        ]),
      );
    }
  });

  test('opens a ticket with its client', async () => {
    const { token } = await platform.createIntegrationToken();
    const { ticket } = await clientOf(token)({ title: 'Printer', description: null, priority: null });
    expect(ticket).toMatchObject({ status: 'open' });
  });

  test('waits while the limit is reached, and goes on once an administrator raises it', async () => {
    await notAtTheEndOfAnHour();
    const made = await platform.createIntegrationToken({ rate_limit_per_hour: 2 });
    const waits: number[] = [];
    const client = clientOf(made.token, async (ms) => {
      waits.push(ms);
      // Its troubleshooting: "Increase rate limit in token settings".
      if (waits.length !== 2) return;
      await platform.administer('PATCH', `/integration-tokens/${made.id}`, { rate_limit_per_hour: 100 });
      await waitFor(async () => (await ask(made, 'GET', '')).status === 200, seldom);
    });
    await client({ title: 'one' });
    await client({ title: 'two' });
    const refused = await ask(made, 'POST', '/tickets', { title: 'three' });
    expect(refused).toMatchObject({
      status: 429,
      body: { error: 'rate_limit_exceeded', message: 'Rate limit exceeded' },
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await client({ title: 'three' })).ticket.status).toBe('open');
    expect(waits).toEqual([5000, 10_000]);

    // "You should see your test requests listed", with what there is to monitor.
    await waitFor(
      async () => {
        const { requests } = await platform.administer(
          'GET',
          `/integration-tokens/${made.id}/usage?limit=100`,
        );
        const statuses = (requests as { status_code: number }[]).map(({ status_code }) => status_code);
        const countOf = (wanted: number) => statuses.filter((status) => status === wanted).length;
        return countOf(201) === 3 && countOf(429) >= 3;
      },
      { what: 'three tickets and three refusals on record', ...seldom },
    );
    const summary = await platform.administer('GET', `/integration-tokens/${made.id}/usage/summary`);
    expect(summary).toMatchObject({
      total_requests: expect.any(Number),
      requests_this_hour: expect.any(Number),
      requests_today: expect.any(Number),
      error_count: expect.any(Number),
      avg_response_time_ms: expect.any(Number),
    });
  }, 150_000);

  test('is answered 401 for a token that was regenerated, and the new one sees the same tickets', async () => {
    const old = await platform.createIntegrationToken();
    const { ticket } = await clientOf(old.token)({ title: 'Stays' });
    const { token } = await platform.administer('POST', `/integration-tokens/${old.id}/regenerate`, {});
    const fresh = { token: String(token) };
    await waitFor(async () => (await ask(old, 'GET', `/tickets/${ticket.id}`)).status === 401);
    expect(await ask(old, 'GET', `/tickets/${ticket.id}`)).toMatchObject({
      body: { error: 'invalid_token' },
    });
    expect((await ask(fresh, 'GET', `/tickets/${ticket.id}`)).body.ticket.title).toBe('Stays');
  });
});

describe('through the gateway', () => {
  test('a ticket that is known already is 304, and a lost race is 412', async () => {
    const token = await platform.createIntegrationToken();
    const made = await ask(token, 'POST', '/tickets', { title: 'x' });
    const path = `/tickets/${made.body.ticket.id}`;
    const etag = made.headers.get('etag') ?? '';
    const known = await ask(token, 'GET', path, undefined, { 'if-none-match': etag });
    expect([known.status, known.body, known.headers.get('etag')]).toEqual([304, null, etag]);
    expect((await ask(token, 'PATCH', path, { title: 'y' }, { 'if-match': etag })).status).toBe(200);
    const lost = await ask(token, 'PATCH', path, { title: 'z' }, { 'if-match': etag });
    expect(lost).toMatchObject({ status: 412, body: { error: 'precondition_failed' } });
  });

  test('browsers may say and read what races need', async () => {
    const answer = await fetch(`${baseUrl}/tickets`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://crm.example.com',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,if-match',
      },
    });
    expect(answer.headers.get('access-control-allow-headers')).toContain('if-match');
    const token = await platform.createIntegrationToken();
    const { headers } = await ask(token, 'GET', '', undefined, { origin: 'https://crm.example.com' });
    expect(headers.get('access-control-expose-headers')).toContain('ETag');
  });

  test.each([
    ['PUT', '/tickets/0192f0c1-2b3c-7d4e-8f50-617283940a99', 405, 'method_not_allowed'],
    ['DELETE', '/tickets', 405, 'method_not_allowed'],
    ['GET', '/nothing/here', 404, 'not_found'],
    ['GET', '/tickets/0192f0c1-2b3c-7d4e-8f50-617283940a99', 404, 'not_found'],
    ['GET', '/tickets/not-an-id', 400, 'invalid_field'],
  ])('%s %s is %d in words', async (method, path, status, error) => {
    const token = await platform.createIntegrationToken();
    const refused = await ask(token, method, path);
    expect(refused).toMatchObject({ status, body: { error, message: expect.any(String) } });
    if (status === 405) expect(refused.headers.get('allow')).toBeTruthy();
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('999');
    const usage = async () =>
      (await platform.administer('GET', `/integration-tokens/${token.id}/usage`)).requests as unknown[];
    await waitFor(async () => (await usage()).length > 0, { what: 'its record', ...seldom });
    expect(await usage()).toMatchObject([{ method, status_code: status, error_code: error }]);
  });

  test('a token is held to its endpoints', async () => {
    const token = await platform.createIntegrationToken({ allowed_endpoints: ['POST /tickets'] });
    const made = await ask(token, 'POST', '/tickets', { title: 'x' });
    expect(made.status).toBe(201);
    for (const [method, path] of [
      ['GET', `/tickets/${made.body.ticket.id}`],
      ['GET', '/tickets/changes'],
      ['POST', '/tickets/batch'],
      ['GET', '/webhooks'],
    ] as const) {
      const refused = await ask(token, method, path, method === 'POST' ? {} : undefined);
      expect(refused).toMatchObject({ status: 403, body: { error: 'endpoint_not_allowed' } });
    }
  });

  test('whoever waits for a change is answered by it, also when the wait is long', async () => {
    const token = await platform.createIntegrationToken();
    const waits = ask(token, 'GET', '/tickets/changes?wait=30');
    await ask(token, 'POST', '/tickets', { title: 'x' });
    expect((await waits).body).toMatchObject({
      changes: [{ sequence: 1, type: 'ticket.created' }],
      next_cursor: '1',
    });
  });

  test('a file of the largest size goes in and comes out as it is, opened by its address alone', async () => {
    const { token } = await platform.createIntegrationToken();
    const { ticket } = await clientOf(token)({ title: 'With a file' });
    const bytes = Buffer.alloc(20 * 1024 * 1024, 'All work and no play makes a dull log.\n');
    const attach = (content: Uint8Array<ArrayBuffer>, type: string) => {
      const form = new FormData();
      form.append('file', new Blob([content], { type }), '../../etc/printer "log".txt');
      const headers = { authorization: `Bearer ${token}` };
      return fetch(`${baseUrl}/tickets/${ticket.id}/attachments`, { method: 'POST', headers, body: form });
    };
    const made = await attach(bytes, 'text/plain');
    expect(made.status).toBe(201);
    const { attachment } = (await made.json()) as { attachment: Record<string, string> };
    expect(attachment).toMatchObject({ content_type: expect.stringContaining('text/plain') });
    expect(attachment.file_name).not.toMatch(/[/\\]/);
    // Whoever has the address needs nothing else.
    const opened = await fetch(String(attachment.url));
    expect(opened.status).toBe(200);
    expect(Buffer.from(await opened.arrayBuffer()).equals(bytes)).toBe(true);
    expect(Object.fromEntries(opened.headers)).toMatchObject({
      'content-length': String(bytes.length),
      'content-disposition': expect.stringMatching(/^attachment/),
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox'),
    });
    const altered = String(attachment.url).replace(/signature=./, (start) =>
      start.endsWith('A') ? 'signature=B' : 'signature=A',
    );
    const refused = await fetch(altered);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: 'signed_url_invalid' });
    const lying = await attach(bytes.subarray(0, 100), 'image/png');
    expect(lying.status).toBe(400);
    // It is refused before it is read: whoever is slow to read the answer may find a broken connection instead.
    const large = await waitFor(() => attach(Buffer.concat([bytes, Buffer.from('x')]), 'text/plain'));
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ error: 'payload_too_large' });
  }, 180_000);

  test('HEAD is the GET without its body', async () => {
    const made = await platform.createIntegrationToken();
    const { ticket } = await clientOf(made.token)({ title: 'x' });
    const head = await ask(made, 'HEAD', `/tickets/${ticket.id}`);
    expect([head.status, head.body]).toEqual([200, null]);
  });
});
