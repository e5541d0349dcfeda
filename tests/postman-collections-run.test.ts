import { readFile } from 'node:fs/promises';
import newman, { type RunSummary } from 'newman';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from './support/platform.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { makeToneWav } from './support/tone-wav.ts';

const rootDir = new URL('../', import.meta.url);
let platform: Platform;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  platform = await startPlatform();
}, 180_000);
afterAll(async () => {
  await platform?.stop();
  await receiver?.close();
});

interface Item {
  readonly name: string;
  readonly item?: readonly Item[];
}
const requestsOf = (items: readonly Item[]): string[] =>
  items.flatMap(({ name, item }) => (item ? requestsOf(item) : [name]));

/** As `newman run` does from the root of the repository; says of each request that went wrong what came back. */
const runCollection = async (file: string, variables: Readonly<Record<string, string>>) => {
  const collection = JSON.parse(await readFile(new URL(file, rootDir), 'utf8'));
  const filledIn = { base_url: platform.gatewayUrl, ...variables };
  const { run } = await new Promise<RunSummary>((resolve, reject) =>
    newman.run(
      {
        collection,
        envVar: Object.entries(filledIn).map(([key, value]) => ({ key, value })),
        workingDir: rootDir.pathname,
        reporters: [],
        timeoutRequest: 60_000,
      },
      (error, summary) => (error ? reject(error) : resolve(summary)),
    ),
  );
  const sent = new Set(run.executions.map(({ item }) => item.name));
  const wrong = run.executions.flatMap(({ request, response, requestError, assertions, testScript }) => {
    const errors = [requestError, ...(assertions ?? []), ...(testScript ?? [])].flatMap((one) =>
      one === undefined ? [] : one instanceof Error ? [one.message] : (one.error?.message ?? []),
    );
    const answer = `${response?.code} ${response?.text().slice(0, 400)}`;
    return errors.length === 0 ? [] : [`${request.method} ${request.url}: ${errors.join('; ')}: ${answer}`];
  });
  expect(wrong).toEqual([]);
  expect(requestsOf(collection.item).filter((name) => !sent.has(name))).toEqual([]);
  expect(run.stats.assertions).toMatchObject({ total: run.executions.length, failed: 0 });
};

test('that of the partner surface, with a recording and a receiver', async () => {
  const { key, secret } = await platform.createKey();
  await runCollection('docs/partner-api-postman-collection.json', {
    api_key: key,
    api_secret: secret,
    audio_file: makeToneWav(1).toString('base64'),
    analysis_type: 'tone_only',
    webhook_url: receiver.url,
  });
}, 240_000);

test('that of calls', async () => {
  const { key, secret } = await platform.createApiKey();
  await runCollection('docs/postman/calls.json', { api_key: key, api_secret: secret });
}, 240_000);

test('that of sign-in, which ends its own session last', async () => {
  const { email, password } = await platform.createUser();
  await runCollection('docs/postman/identity.json', { anon_key: platform.anonKey, email, password });
}, 240_000);

test('that of tickets, and then that of administration, which works on one of them', async () => {
  const { token } = await platform.createIntegrationToken();
  await runCollection('docs/postman/tickets.json', { integration_token: token });
  await runCollection('docs/postman/administration.json', { access_token: await platform.admin() });
}, 240_000);

test('that of receivers of webhooks', async () => {
  const { id, key, secret } = await platform.createApiKey();
  const { account_id } = await platform.administer('GET', `/api-keys/${id}`);
  await runCollection('docs/postman/webhooks.json', {
    access_token: await platform.admin(),
    api_key: key,
    api_secret: secret,
    account_id: String(account_id),
  });
}, 240_000);
