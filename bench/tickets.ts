import { type BenchPart, renderTable, round } from './support/figures.ts';
import { measureCreateAndGet, type WorkPair } from './tickets/create-and-get.ts';
import { measureFeed } from './tickets/feed-latency.ts';
import { measureQueries, SIZES } from './tickets/list-queries.ts';
import { startRig } from './tickets/rig.ts';
import { LOG_SIZES, measureUsage } from './tickets/usage-figures.ts';

const workRows = (what: string, { ours, bare }: WorkPair): (readonly string[])[] => [
  [what, 'through the gateway', round(ours.perSecond), round(ours.perCpuSecond)],
  ['', 'bare Fastify and `pg`', round(bare.perSecond), round(bare.perCpuSecond)],
  [
    '',
    'compared',
    `${round(ours.perSecond / bare.perSecond, 2)} ×`,
    `${round(ours.perCpuSecond / bare.perCpuSecond, 2)} ×`,
  ],
];
const growth = (figures: readonly { readonly name: string; readonly p50Ms: readonly number[] }[]) =>
  figures.map(({ name, p50Ms }) => [
    name,
    ...p50Ms.map((ms) => `${round(ms, 1)} ms`),
    `${round((p50Ms[1] ?? 0) / (p50Ms[0] ?? 1), 2)} ×`,
  ]);

/** What tickets cost: opening and getting them, hearing of changes, lists and searches, the figures of tokens. */
export const benchTickets = async (): Promise<BenchPart> => {
  const rig = await startRig();
  const step = <Figures>(what: string, measure: () => Promise<Figures>): Promise<Figures> => {
    console.error(`measuring: tickets, ${what}`);
    return measure();
  };
  try {
    const work = await step('create and get', () => measureCreateAndGet(rig));
    const feed = await step('the feed', () => measureFeed(rig));
    const queries = await step('lists and search', () => measureQueries(rig));
    const usage = await step('figures of tokens', () => measureUsage(rig));
    return {
      title: 'Tickets',
      text: `Tickets opened and got, 8 at a time, in turns with a bare Fastify server that inserts or selects one row with \`pg\` in the same Postgres (fsync on): no credential, no limit, no history, no feed, no events. Medians; CPU of every process that takes part, Postgres and NATS too.

${renderTable(['', '', 'a second', 'per CPU-second'], [...workRows('create', work.create), ...workRows('get', work.get)])}

From the answer to whoever opened a ticket to the change at whoever waits for it in the feed, one change at a time, each follower with a token of its own.

${renderTable(
  ['followers that wait', 'p50', 'p99'],
  feed.map(({ followers, p50Ms, p99Ms }) => [
    String(followers),
    `${round(p50Ms, 1)} ms`,
    `${round(p99Ms, 1)} ms`,
  ]),
)}

Lists and searches through the gateway, one question after another, p50 of a token with so many tickets (the larger one beside the smaller one in the same table). Goal: they do not grow with the table. (Of a thousand tickets 20 are open, so that page is shorter.)

${renderTable(['', ...SIZES.map((rows) => `${rows.toLocaleString('en')} tickets`), 'compared'], growth(queries))}

What an administrator sees of the use of a token, p50 by the rows of its log. Goal: it does not grow with the log.

${renderTable(['', ...LOG_SIZES.map((rows) => `${rows.toLocaleString('en')} rows`), 'compared'], growth(usage))}`,
    };
  } finally {
    await rig.stop();
  }
};
