/** Fields of a call, with the names that logs give them, the guide's first; case, blanks and underscores do not count. */
const NAMES = {
  callId: ['callId', 'call_id', 'id', 'uuid', 'callSid'],
  customerName: ['customerName', 'customer_name', 'name', 'customer', 'callerName'],
  ani: ['ani', 'phone', 'phoneNumber', 'callerNumber', 'number', 'from'],
  callType: ['callType', 'call_type', 'type', 'direction'],
  startTime: ['startTime', 'start_time', 'startedAt', 'start', 'createdAt', 'timestamp', 'date'],
  endTime: ['endTime', 'end_time', 'endedAt', 'end'],
  duration: ['duration', 'durationSeconds', 'seconds'],
  status: ['status', 'state', 'outcome', 'result'],
  actions: ['actions', 'events'],
} as const;

export type Field = keyof typeof NAMES;
const fields = Object.keys(NAMES) as Field[];

/** Which column has which field. */
export type Columns = ReadonlyMap<Field, string>;

const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');

export const findColumns = (names: readonly string[]): Columns => {
  const columns = new Map<Field, string>();
  for (const field of fields) {
    for (const known of NAMES[field]) {
      const found = names.find((name) => plain(name) === plain(known));
      if (found === undefined || [...columns.values()].includes(found)) continue;
      columns.set(field, found);
      break;
    }
  }
  return columns;
};

/** What a log cannot be without. */
export const missingColumns = (columns: Columns): string[] => [
  ...(columns.has('callId') ? [] : ['callId']),
  ...(columns.has('startTime') ? [] : ['startTime']),
  ...(columns.has('ani') || columns.has('customerName') ? [] : ['ani or customerName']),
];

export const describeColumns = (columns: Columns): string =>
  [...columns].map(([field, name]) => (field === name ? field : `${field} from ${name}`)).join(', ');
