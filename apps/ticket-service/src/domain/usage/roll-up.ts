import { isIP } from 'node:net';
import { type RequestRecord, ticketRoutes } from '@switchboard/contracts';

/** One request of a token, as the log keeps it, and how many further ones like it the row stands for. */
export interface UsageRow {
  readonly tokenId: string;
  readonly requestId: string;
  readonly endpoint: string;
  readonly method: string;
  readonly statusCode: number;
  readonly responseTimeMs: number;
  readonly errorCode: string | null;
  readonly counted: boolean;
  readonly repeated: number;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly cameAt: Date;
}

const USER_AGENT_CHARACTERS_MAX = 500;

/**
 * A record of the gateway's as a row. It counts in the clock hour in which it came, as its limit does; the gateway says
 * when it was over.
 */
export const toUsageRow = (tokenId: string, record: RequestRecord): UsageRow => ({
  tokenId,
  requestId: record.request_id,
  endpoint: record.endpoint,
  method: record.method,
  statusCode: record.status,
  responseTimeMs: record.duration_ms,
  errorCode: record.error_code,
  counted: record.counted,
  repeated: record.repeated,
  ip: isIP(record.ip) === 0 ? null : record.ip,
  userAgent: record.user_agent?.slice(0, USER_AGENT_CHARACTERS_MAX) ?? null,
  cameAt: new Date(Date.parse(record.completed_at) - Math.floor(record.duration_ms)),
});

/** What requests of one token add up to. */
interface TokenFigures {
  readonly token_id: string;
  readonly requests: number;
  readonly counted: number;
  readonly errors: number;
  readonly response_time_ms: number;
  readonly histogram: readonly number[];
}

/** The same of one clock hour. */
interface HourFigures extends TokenFigures {
  readonly hour_started_at: string;
}

const HISTOGRAM_ENTRIES = 64;
const HOUR_MS = 3_600_000;

/** The entry of the histogram that a response time falls into, from 0: entry n takes those up to 2^(n/4) ms. */
export const histogramEntryOf = (ms: number): number =>
  ms <= 1 ? 0 : Math.min(HISTOGRAM_ENTRIES - 1, Math.ceil(4 * Math.log2(ms)));

/** Whoever hung up (499) was not refused anything. */
const isError = ({ statusCode }: UsageRow): boolean => statusCode >= 400 && statusCode !== 499;

/** Whoever waits in the feed is answered when something happens: that is no response time. */
const isTimed = ({ endpoint }: UsageRow): boolean => endpoint !== ticketRoutes.listChanges.path;

/** How many requests rows stand for. */
const countOf = (rows: readonly UsageRow[]): number =>
  rows.reduce((sum, { repeated }) => sum + 1 + repeated, 0);

/** A row that stands for many has the response time of one of them, and is one among the response times. */
const figuresOf = (token_id: string, rows: readonly UsageRow[]): TokenFigures => {
  const histogram = Array.from({ length: HISTOGRAM_ENTRIES }, () => 0);
  const timed = rows.filter(isTimed);
  for (const { responseTimeMs } of timed) {
    const entry = histogramEntryOf(responseTimeMs);
    histogram[entry] = (histogram[entry] ?? 0) + 1;
  }
  return {
    token_id,
    requests: countOf(rows),
    counted: countOf(rows.filter((row) => row.counted)),
    errors: countOf(rows.filter(isError)),
    response_time_ms: timed.reduce((sum, row) => sum + row.responseTimeMs, 0),
    histogram,
  };
};

const hourOf = ({ cameAt }: UsageRow): string =>
  new Date(Math.floor(cameAt.getTime() / HOUR_MS) * HOUR_MS).toISOString();

/** Adds rows up, by token and by token and hour. */
export const rollUp = (
  rows: readonly UsageRow[],
): { readonly totals: readonly TokenFigures[]; readonly hours: readonly HourFigures[] } => {
  const byToken = [...Map.groupBy(rows, ({ tokenId }) => tokenId)];
  return {
    totals: byToken.map(([tokenId, group]) => figuresOf(tokenId, group)),
    hours: byToken.flatMap(([tokenId, group]) =>
      [...Map.groupBy(group, hourOf)].map(([hour_started_at, ofHour]) => ({
        hour_started_at,
        ...figuresOf(tokenId, ofHour),
      })),
    ),
  };
};
