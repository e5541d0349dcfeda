import { connectBus, silentLog } from '@switchboard/bus';
import {
  type CredentialKind,
  generateKey,
  keyPrefixes,
  type RouteContract,
  routes,
  systemClock,
} from '@switchboard/contracts';
import { createSilentLog } from '@switchboard/service-kit';
import { startService, waitFor } from '@switchboard/stack/testing';
import jwt from 'jsonwebtoken';
import { createCredentials, loadGatewayConfig } from '../apps/gateway/src/index.ts';
import { type Platform, startPlatform } from '../tests/support/platform.ts';
import { cpuSeconds } from './support/cpu.ts';
import { type BenchPart, percentile, renderTable, round } from './support/figures.ts';
import { runLoad } from './support/load.ts';

const SUPABASE_JWT_SECRET = 'the-secret-of-the-supabase-project-of-the-benchmark';
const CACHED_CHECKS = 100_000;
const COLD_CHECKS = 1_000;
const REQUESTS = 10_000;
const CONNECTIONS = 32;
const ROUNDS = 3;
const ENDED_TOKENS = 20;
const GOOD_PATH = '/api/partner/v1/health';

type Headers = Readonly<Record<string, string>>;

interface Presented {
  readonly name: string;
  readonly kind: CredentialKind;
  readonly headers: Headers;
}

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

const externalToken = (): string =>
  jwt.sign(
    {
      sub: '0192f0c1-2b3c-7d4e-8f50-617283940a77',
      aud: 'authenticated',
      role: 'authenticated',
      email: 'external@example.com',
    },
    SUPABASE_JWT_SECRET,
    { expiresIn: 3600 },
  );

const presentAll = async (platform: Platform): Promise<readonly Presented[]> => {
  const user = await platform.createUser();
  const partner = await platform.createKey();
  const apiKey = await platform.createApiKey();
  const token = await platform.createIntegrationToken();
  const pair = { 'x-api-secret': partner.secret, ...bearer(partner.key) };
  return [
    { name: 'partner key', kind: 'partner_key', headers: pair },
    {
      name: 'API key',
      kind: 'api_key',
      headers: { 'x-api-key': apiKey.key, 'x-api-secret': apiKey.secret },
    },
    { name: 'integration token', kind: 'integration_token', headers: bearer(token.token) },
    { name: 'user, RS256 of ours', kind: 'user', headers: bearer(user.accessToken) },
    { name: 'user, HS256 of a Supabase project', kind: 'user', headers: bearer(externalToken()) },
    { name: 'anon key', kind: 'anon', headers: { apikey: platform.anonKey, ...bearer(platform.anonKey) } },
  ];
};

const routeFor = (kind: CredentialKind): RouteContract => {
  const known = routes.find(({ credentials }) => credentials.includes(kind));
  if (known) return known;
  const [first] = routes;
  if (!first) throw new TypeError('there are no routes');
  return { ...first, credentials: [kind] };
};

/** CPU of this process for one check of a credential, and of whoever is asked about it. */
const measureChecks = async (platform: Platform): Promise<string> => {
  const bus = await connectBus({ url: platform.nats.url, name: 'bench-credentials', log: silentLog });
  const config = loadGatewayConfig({ ...platform.environmentOf('gateway'), SUPABASE_JWT_SECRET });
  const optionsOf = (cacheSeconds: number, staleSeconds: number) => ({
    ...config.credentials,
    ...config.accepted,
    cacheSeconds,
    staleSeconds,
    waitSeconds: 10,
    bus,
    clock: systemClock,
    log: createSilentLog(),
  });
  const cached = createCredentials(optionsOf(300, 60));
  const cold = createCredentials(optionsOf(0, 0));
  const owners: Partial<Record<CredentialKind, number>> = {
    partner_key: platform.services['partner-service'].pid,
    api_key: platform.services['identity-service'].pid,
    user: platform.services['identity-service'].pid,
    integration_token: platform.services['ticket-service'].pid,
  };
  const rows: string[][] = [];
  try {
    for (const { name, kind, headers } of await presentAll(platform)) {
      const request = { headers, raw: { rawHeaders: Object.entries(headers).flat(), url: '/' } };
      const route = routeFor(kind);
      const check = (credentials: typeof cached) => credentials[kind].admit(request, route, () => {});
      const microsecondsOf = async (count: number, one: () => unknown): Promise<number> => {
        for (let i = 0; i < count / 10; i += 1) await one();
        const before = process.cpuUsage();
        for (let i = 0; i < count; i += 1) {
          const checked = one();
          if (checked instanceof Promise) await checked;
        }
        const { user, system } = process.cpuUsage(before);
        return (user + system) / count;
      };
      await check(cached);
      const cachedMicroseconds = await microsecondsOf(CACHED_CHECKS, () => check(cached));
      const ownerPid = owners[kind];
      const ownerBefore = ownerPid === undefined ? 0 : cpuSeconds(ownerPid);
      const coldMicroseconds = await microsecondsOf(COLD_CHECKS, () => check(cold));
      const ownerMicroseconds =
        ownerPid === undefined ? 0 : ((cpuSeconds(ownerPid) - ownerBefore) * 1e6) / (COLD_CHECKS * 1.1);
      rows.push([
        name,
        `${round(cachedMicroseconds, 1)} µs`,
        `${round(coldMicroseconds)} µs`,
        ownerPid === undefined ? '–' : `${round(ownerMicroseconds)} µs`,
      ]);
    }
  } finally {
    for (const each of [...Object.values(cached), ...Object.values(cold)]) each.close();
    await bus.close();
  }
  return renderTable(['credential', 'known', 'asked about: gateway', 'asked about: its owner'], rows);
};

/** From somewhere else every time, as whoever guesses keys in earnest does. */
const fromAnywhere = (index: number): Headers => ({
  'x-forwarded-for': `198.18.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`,
});
const madeUp = (prefix: string): string => `${generateKey(prefix).slice(0, -6)}000000`;

/** What garbage costs beside what a good request costs, in CPU of the gateway's process. */
const measureGarbage = async (platform: Platform): Promise<string> => {
  const { gateway } = platform.services;
  const partner = await platform.createKey();
  await platform.query('update partner_api_keys set rate_limit_per_minute = 1000000000 where id = $1', [
    partner.keyId,
  ]);
  const good = { ...bearer(partner.key), 'x-api-secret': partner.secret };
  const [head, body] = (await platform.admin()).split('.');
  const forged = `${head}.${body}.${'A'.repeat(342)}`;
  const secret = generateKey(keyPrefixes.partnerSecret);
  const well = (): Headers => ({
    ...bearer(generateKey(keyPrefixes.partnerSandbox)),
    'x-api-secret': generateKey(keyPrefixes.partnerSecret),
  });
  const refused = [401, 429];
  const loads: readonly {
    name: string;
    path: string;
    headers: (index: number) => Headers;
    statuses: readonly number[];
  }[] = [
    { name: 'a good request', path: GOOD_PATH, headers: () => good, statuses: [200] },
    {
      name: 'made-up key, wrong checksum',
      path: GOOD_PATH,
      headers: (index) => ({
        ...bearer(madeUp(keyPrefixes.partnerSandbox)),
        'x-api-secret': secret,
        ...fromAnywhere(index),
      }),
      statuses: refused,
    },
    {
      name: 'well-formed key, one address',
      path: GOOD_PATH,
      headers: () => ({ ...well(), 'x-forwarded-for': '198.51.100.7' }),
      statuses: refused,
    },
    {
      name: 'well-formed key, thousands of addresses',
      path: GOOD_PATH,
      headers: (index) => ({ ...well(), ...fromAnywhere(index) }),
      statuses: refused,
    },
    {
      name: 'forged access token, thousands of addresses',
      path: '/api/v1/auth/user',
      headers: (index) => ({
        ...bearer(`${forged.slice(0, -4)}${1000 + (index % 9000)}`),
        ...fromAnywhere(index),
      }),
      statuses: refused,
    },
    { name: 'nothing', path: GOOD_PATH, headers: () => ({}), statuses: refused },
  ];
  const figures = loads.map(() => [] as number[]);
  // The first round warms up and does not count.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [index, { name, path, headers, statuses }] of loads.entries()) {
      const before = cpuSeconds(gateway.pid);
      const load = await runLoad({
        url: gateway.url,
        path,
        headers,
        statuses,
        connections: CONNECTIONS,
        requests: REQUESTS,
        seconds: 30,
      });
      if (load.failed > 0)
        throw new Error(`${name}: ${load.failed} of ${load.requests} were answered otherwise`);
      const perCpuSecond = load.requests / (cpuSeconds(gateway.pid) - before);
      if (round > 0) figures[index]?.push(perCpuSecond);
    }
  }
  const own = percentile(figures[0] ?? [], 0.5);
  const rows = loads.map(({ name }, index) => {
    const median = percentile(figures[index] ?? [], 0.5);
    return [name, round(median), `${round(own / median, 2)} ×`, `${round(10_000 / median, 2)} of a core`];
  });
  return renderTable(['request', 'per CPU-second', 'cost of a good one', '10,000 a second take'], rows);
};

/** From the answer to an administrator to the last of two gateways that refuses. */
const measureEnding = async (platform: Platform): Promise<string> => {
  const second = await startService('gateway', platform.environmentOf('gateway'));
  try {
    await second.waitReady();
    const admin = bearer(await platform.admin());
    const heardMs: number[] = [];
    for (let i = 0; i < ENDED_TOKENS; i += 1) {
      const { id, token } = await platform.createIntegrationToken();
      const ask = async (url: string) => {
        const answer = await fetch(`${url}/functions/v1/integration-tickets`, { headers: bearer(token) });
        await answer.body?.cancel();
        return answer.status;
      };
      const everywhere = () => Promise.all([platform.gatewayUrl, second.url].map(ask));
      if ((await everywhere()).some((status) => status !== 200)) throw new Error('a new token does not work');
      const answer = await fetch(`${platform.gatewayUrl}/api/admin/v1/integration-tokens/${id}/disable`, {
        method: 'POST',
        headers: admin,
      });
      if (!answer.ok) throw new Error(`a token cannot be disabled: ${answer.status}`);
      const startedMs = performance.now();
      await waitFor(async () => (await everywhere()).every((status) => status === 401), {
        what: 'both gateways to refuse',
        intervalMs: 2,
      });
      heardMs.push(performance.now() - startedMs);
    }
    return `An integration token that an administrator disables is refused by both of two gateways ${round(percentile(heardMs, 0.5))} ms after the administrator's answer (p50 of ${ENDED_TOKENS}; the slowest ${round(Math.max(...heardMs))} ms).`;
  } finally {
    await second.stop();
  }
};

/** What it costs to know who asks, and to refuse whoever makes keys up. */
export const benchCredentials = async (): Promise<BenchPart> => {
  const platform = await startPlatform({
    gateway: { TRUST_PROXY: 'loopback', CREDENTIAL_CACHE_SECONDS: '300', LOG_LEVEL: 'warn' },
  });
  try {
    const checks = await measureChecks(platform);
    const garbage = await measureGarbage(platform);
    const ending = await measureEnding(platform);
    return {
      title: 'Credentials',
      text: `CPU of one check, by kind: known from a moment before, or asked about over NATS (for users the signature is verified too). ${COLD_CHECKS} and ${CACHED_CHECKS} checks one after another.

${checks}

Refusing beside serving, CPU of the gateway's process alone, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${REQUESTS} requests in turns.

${garbage}

${ending}`,
    };
  } finally {
    await platform.stop();
  }
};
