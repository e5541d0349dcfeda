import { type FanOutFigures, type FanOutShape, measureFanOut } from './calls/fan-out.ts';
import { measureLogQueries, SIZES } from './calls/log-queries.ts';
import { SOCKETS, startRig } from './calls/rig.ts';
import { AT_A_TIME, measureSetUps } from './calls/set-ups.ts';
import { type BenchPart, renderTable, round } from './support/figures.ts';

const ONE_CALL: FanOutShape = { calls: 1, deliveries: 200_000, deliveriesPerSecond: 10_000 };
/** Every event is a message of NATS of its own here. */
const MANY_CALLS: FanOutShape = { calls: SOCKETS, deliveries: 50_000, deliveriesPerSecond: 2_000 };

const fanOutRows = (
  what: string,
  { gateway, bare }: { readonly gateway: FanOutFigures; readonly bare: FanOutFigures },
): (readonly string[])[] => {
  const row = (name: string, figures: FanOutFigures) => [
    what,
    name,
    round(figures.perSecond),
    round(figures.perCpuSecond),
    `${round(figures.p50Ms, 1)} ms`,
    `${round(figures.p99Ms, 1)} ms`,
  ];
  const ratio = (key: keyof FanOutFigures) => `${round(gateway[key] / bare[key], 2)} ×`;
  return [
    row('gateway', gateway),
    row('bare `ws`', bare),
    ['', 'gateway compared', ratio('perSecond'), ratio('perCpuSecond'), ratio('p50Ms'), ratio('p99Ms')],
  ];
};

/** What calls cost: events to sockets, whole calls, and questions about the log. */
export const benchCalls = async (): Promise<BenchPart> => {
  const rig = await startRig();
  const step = <Figures>(what: string, measure: () => Promise<Figures>): Promise<Figures> => {
    console.error(`measuring: calls, ${what}`);
    return measure();
  };
  try {
    const account = await rig.createAccount('bench');
    const oneCall = await step(`one call to ${SOCKETS} sockets`, () => measureFanOut(rig, account, ONE_CALL));
    const manyCalls = await step(`${SOCKETS} calls, a socket each`, () =>
      measureFanOut(rig, account, MANY_CALLS),
    );
    const setUps = await step('whole calls', () => measureSetUps(rig, account));
    const queries = await step('the call log', () => measureLogQueries(rig, rig.createAccount));
    const { cpuMs } = setUps;
    const cpuOfAll = cpuMs.gateway + cpuMs.callService + cpuMs.postgres + cpuMs.nats;
    return {
      title: 'Calls',
      text: `Events to ${SOCKETS} sockets. One process publishes frames of 200 bytes through NATS and reads all sockets by hand; a bare \`ws\` server subscribes to the same NATS with the same client and sends every message on: no credential, no history, no gaps noticed, no bounds. In turns, medians; a delivery is an event on one socket. CPU of the gateway or of the bare server alone. Delays from publishing to the socket at ${ONE_CALL.deliveriesPerSecond} deliveries a second of one call, ${MANY_CALLS.deliveriesPerSecond} of many.

${renderTable(
  ['', '', 'deliveries a second', 'per CPU-second', 'p50', 'p99'],
  [
    ...fanOutRows(`one call, ${SOCKETS} sockets`, oneCall),
    ...fanOutRows(`${SOCKETS} calls, a socket each`, manyCalls),
  ],
)}

Whole calls (start, socket by ticket, connected, end, last frame), ${AT_A_TIME} at a time, the program that makes them and Postgres (fsync on) on the same machine: ${round(setUps.perSecond)} a second; CPU for each call ${round(cpuOfAll, 1)} ms, of which gateway ${round(cpuMs.gateway, 1)}, call-service ${round(cpuMs.callService, 1)}, Postgres ${round(cpuMs.postgres, 1)}, NATS ${round(cpuMs.nats, 1)}.

The call log through the gateway, one question after another, p50 of an account with so many calls. Goal: it does not grow with the log.

${renderTable(
  ['', ...SIZES.map((rows) => `${rows.toLocaleString('en')} calls`), 'compared'],
  queries.map(({ name, p50Ms }) => [
    name,
    ...p50Ms.map((ms) => `${round(ms, 1)} ms`),
    `${round((p50Ms[1] ?? 0) / (p50Ms[0] ?? 1), 2)} ×`,
  ]),
)}`,
    };
  } finally {
    await rig.stop();
  }
};
