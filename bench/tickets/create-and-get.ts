import { cpuSeconds, cpuSecondsWithChildren } from '../support/cpu.ts';
import { percentile } from '../support/figures.ts';
import { runLoad } from '../support/load.ts';
import { startProcess } from '../support/process.ts';
import { bearer, type Rig, SURFACE } from './rig.ts';

const REQUESTS = 1_000;
const SECONDS_MAX = 30;
const CONNECTIONS = 8;
const TURNS = 3;

const BODY = JSON.stringify({
  title: 'The printer is on fire',
  description: 'It is the one on the third floor, next to the kitchen. '.repeat(5),
  priority: 'high',
  category: 'hardware',
  metadata: { floor: 3, asset: 'P-1042' },
});
const JSON_BODY = { 'content-type': 'application/json' };

export interface WorkFigures {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}
export interface WorkPair {
  readonly ours: WorkFigures;
  readonly bare: WorkFigures;
}

const median = (values: readonly WorkFigures[]): WorkFigures => ({
  perSecond: percentile(
    values.map(({ perSecond }) => perSecond),
    0.5,
  ),
  perCpuSecond: percentile(
    values.map(({ perCpuSecond }) => perCpuSecond),
    0.5,
  ),
});

/** Tickets opened and got through the gateway, in turns with a bare server on the same Postgres; CPU of all processes. */
export const measureCreateAndGet = async (
  rig: Rig,
): Promise<{ readonly create: WorkPair; readonly get: WorkPair }> => {
  const headers = bearer(await rig.createToken('bench'));
  const bare = await startProcess(
    process.execPath,
    [new URL('./bare-process.ts', import.meta.url).pathname],
    { DATABASE_URL: rig.platform.postgres.ownerUrl },
  );
  try {
    const cpuOfAll = (): number => {
      const { gateway, ticketService, dispatcher, postgres, nats } = rig.cpu();
      return gateway + ticketService + dispatcher + postgres + nats;
    };
    const cpuOfBare = (): number =>
      cpuSeconds(bare.pid) + cpuSecondsWithChildren(rig.platform.postgres.pid());
    const load = async (
      url: string,
      path: string,
      method: 'GET' | 'POST',
      cpu: () => number,
    ): Promise<WorkFigures> => {
      const before = cpu();
      const { requests, failed, seconds } = await runLoad({
        url,
        path,
        method,
        ...(method === 'POST' ? { body: BODY } : {}),
        headers: { ...(url === bare.url ? {} : headers), ...(method === 'POST' ? JSON_BODY : {}) },
        statuses: [200, 201],
        connections: CONNECTIONS,
        requests: REQUESTS,
        seconds: SECONDS_MAX,
      });
      if (failed > 0) throw new Error(`${failed} of ${requests} requests failed at ${path}`);
      return { perSecond: requests / seconds, perCpuSecond: requests / (cpu() - before) };
    };
    const open = async (url: string, path: string): Promise<string> => {
      const answer = await fetch(url + path, {
        method: 'POST',
        body: BODY,
        headers: { ...headers, ...JSON_BODY },
      });
      const { ticket } = (await answer.json()) as { ticket: { id: string } };
      return `${path}/${ticket.id}`;
    };
    const ours = `${SURFACE}/tickets`;
    const onePath = await open(rig.gatewayUrl, ours);
    const barePath = await open(bare.url, '/tickets');
    const turns = { create: [], createBare: [], get: [], getBare: [] } as Record<string, WorkFigures[]>;
    // The first turn warms up.
    for (let turn = 0; turn <= TURNS; turn += 1) {
      const made = {
        create: await load(rig.gatewayUrl, ours, 'POST', cpuOfAll),
        createBare: await load(bare.url, '/tickets', 'POST', cpuOfBare),
        get: await load(rig.gatewayUrl, onePath, 'GET', cpuOfAll),
        getBare: await load(bare.url, barePath, 'GET', cpuOfBare),
      };
      if (turn > 0) for (const [name, figures] of Object.entries(made)) turns[name]?.push(figures);
    }
    const of = (name: string): WorkFigures => median(turns[name] ?? []);
    return {
      create: { ours: of('create'), bare: of('createBare') },
      get: { ours: of('get'), bare: of('getBare') },
    };
  } finally {
    await bare.stop();
  }
};
