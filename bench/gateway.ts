import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startNats, startPostgres, startService } from '@switchboard/stack/testing';
import pg from 'pg';
import { cpuSeconds } from './support/cpu.ts';
import { type BenchPart, percentile, renderTable, round } from './support/figures.ts';
import { runLoad } from './support/load.ts';
import { type BenchProcess, startProcess } from './support/process.ts';

const PATH = '/api/partner/v1/jobs/0192f0c1-2b3c-7d4e-8f50-617283940a1b/status';
const ROUNDS = 5;
const REQUESTS = 12_000;
const CONNECTIONS = 32;
const INTERNAL_TOKEN_SECRET = 'an-internal-token-secret-of-the-benchmark-01';

interface Contender {
  readonly name: string;
  readonly url: string;
  readonly pids: () => readonly number[];
  readonly headers: Readonly<Record<string, string>>;
}

const here = (file: string): string => new URL(`./gateway/${file}`, import.meta.url).pathname;

const startNginx = async (
  upstream: string,
): Promise<{ contender: Contender; stop(): Promise<void> } | null> => {
  if (spawnSync('nginx', ['-v']).status !== 0) return null;
  const dir = await mkdtemp(join(tmpdir(), 'switchboard-nginx-'));
  const port = await freePort();
  await writeFile(
    join(dir, 'nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  upstream behind { server ${new URL(upstream).host}; keepalive 64; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}`,
  );
  const nginx = await startProcess('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf')], {}, port);
  return {
    contender: { name: 'nginx (one worker)', url: nginx.url, pids: () => [nginx.pid], headers: {} },
    async stop() {
      await nginx.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

const createKey = async (ownerUrl: string): Promise<Readonly<Record<string, string>>> => {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  await client.query('set search_path = partner');
  const { rows } = await client.query<{ key_id: string; api_key: string; api_secret: string }>(
    "select * from generate_partner_api_key('Bench', 'sandbox', null, 365)",
  );
  const [key] = rows;
  if (!key) throw new Error('no key was made');
  await client.query('update partner_api_keys set rate_limit_per_minute = 1000000000 where id = $1', [
    key.key_id,
  ]);
  await client.end();
  return { authorization: `Bearer ${key.api_key}`, 'x-api-secret': key.api_secret };
};

const measureRound = async ({ name, url, pids, headers }: Contender): Promise<number> => {
  const before = pids().reduce((total, pid) => total + cpuSeconds(pid), 0);
  const load = await runLoad({
    url,
    path: PATH,
    headers,
    connections: CONNECTIONS,
    requests: REQUESTS,
    seconds: 30,
  });
  if (load.failed > 0) throw new Error(`${name}: ${load.failed} of ${load.requests} requests failed`);
  return load.requests / (pids().reduce((total, pid) => total + cpuSeconds(pid), 0) - before);
};

/** Requests per CPU-second of the process in the middle, in turns, so that noise falls on all alike. */
export const benchGateway = async (): Promise<BenchPart> => {
  const upstream = await startProcess(process.execPath, [here('upstream-process.ts')]);
  const [postgres, nats] = await Promise.all([startPostgres(), startNats()]);
  const partner = await startService('partner-service', {
    DATABASE_URL: postgres.urlFor('partner'),
    NATS_URL: nats.url,
    INTERNAL_TOKEN_SECRET,
    WEBHOOK_SECRET: 'a-secret-of-the-benchmark-long-enough',
    LOG_LEVEL: 'warn',
    DRAIN_SECONDS: '0',
  });
  const shared = { NATS_URL: nats.url, INTERNAL_TOKEN_SECRET, PARTNER_SERVICE_URL: upstream.url };
  const gateway = await startService('gateway', {
    ...shared,
    LOG_LEVEL: 'info',
    DRAIN_SECONDS: '0',
    CREDENTIAL_CACHE_SECONDS: '300',
  });
  const started: BenchProcess[] = [upstream];
  const nginx = await startNginx(upstream.url);
  try {
    await Promise.all([partner.waitReady(), gateway.waitReady()]);
    const headers = await createKey(postgres.ownerUrl);
    const bare = await startProcess(process.execPath, [here('bare-gateway-process.ts')], {
      ...shared,
      HOST: '127.0.0.1',
    });
    const proxy = await startProcess(process.execPath, [here('http-proxy-process.ts')], {
      UPSTREAM_URL: upstream.url,
    });
    started.push(bare, proxy);
    const contenders: Contender[] = [
      { name: 'gateway: key check, limit, log', url: gateway.url, pids: () => [gateway.pid], headers },
      { name: 'the same gateway bare', url: bare.url, pids: () => [bare.pid], headers },
      { name: '`@fastify/http-proxy` bare', url: proxy.url, pids: () => [proxy.pid], headers },
      ...(nginx ? [nginx.contender] : []),
    ];
    const figures = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
    // The key is asked about now and then known. partner-service leaves, for what it and Postgres make of the request log
    // on the same two cores is not the gateway's work; the gateway goes on publishing it.
    await (await fetch(gateway.url + PATH, { headers })).body?.cancel();
    await partner.stop();
    // The first round warms up and does not count.
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const contender of contenders) {
        const perCpuSecond = await measureRound(contender);
        if (round > 0) figures.get(contender.name)?.push(perCpuSecond);
      }
    }
    const median = (name: string) => percentile(figures.get(name) ?? [], 0.5);
    const own = median(contenders[0]?.name ?? '');
    const rows = contenders.map(({ name }) => [
      name,
      round(median(name)),
      `${round(own / median(name), 2)} ×`,
    ]);
    return {
      title: 'Gateway: requests per CPU-second',
      text: `GET of a job's status, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${REQUESTS} requests in turns; CPU of the process in the middle alone, with the request log published but not consumed on the same cores. Goal: at least 0.85 × of the bare gateway, at least 1.0 × of \`@fastify/http-proxy\`.${nginx ? '' : ' nginx was not installed.'}

${renderTable(['in the middle', 'requests per CPU-second', 'gateway compared to it'], rows)}`,
    };
  } finally {
    await nginx?.stop();
    await Promise.all([gateway.stop(), partner.stop()]);
    for (const process of started.reverse()) await process.stop();
    await Promise.all([nats.stop(), postgres.stop()]);
  }
};
