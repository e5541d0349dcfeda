const LEVELS: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};
const HIDDEN = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'v', 'name', 'service', 'version']);
const VALUE_MAX = 300;

/** Turns a service's JSON log line into one for people; any other line stays as it is. */
export function renderLogLine(line: string): string {
  if (!line.startsWith('{')) return line;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry.msg !== 'string') return line;
  const level =
    typeof entry.level === 'number'
      ? (LEVELS[entry.level] ?? String(entry.level))
      : String(entry.level ?? '').toUpperCase();
  const rest = Object.entries(entry)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => `${name}=${renderValue(name, value)}`);
  return [level.padEnd(5), renderRequest(entry) ?? [entry.msg, ...rest].join(' ')].join(' ').trimEnd();
}

/** A request that went well, on one row of a terminal; its ids are in the log file. Anything unusual is shown whole. */
function renderRequest(entry: Record<string, unknown>): string | undefined {
  const { msg, method, route, status, latencyMs, traceId } = entry;
  if (msg !== 'request' || typeof status !== 'number' || status >= 500 || 'err' in entry) return undefined;
  if (typeof route !== 'string' || typeof latencyMs !== 'number') return undefined;
  return `${String(method)} ${route} ${status} in ${Math.round(latencyMs)} ms trace=${String(traceId)}`;
}

function renderValue(name: string, value: unknown): string {
  if (name === 'err' && isErrorRecord(value))
    return `${value.message}${value.stack ? `\n${value.stack}` : ''}`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text;
}

function isErrorRecord(value: unknown): value is { message: string; stack?: string } {
  return typeof value === 'object' && value !== null && 'message' in value;
}
