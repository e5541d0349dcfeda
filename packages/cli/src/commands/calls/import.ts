import { callAdminRoutes, importedCallSchema } from '@switchboard/contracts';
import { ApiError } from '../../api/api-error.ts';
import { type Client, UnreachableError } from '../../api/client.ts';
import { apiCommand } from '../../api-command.ts';
import { type Io, OperatorError, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { renderFields, renderJson } from '../../table.ts';
import { batchesOf } from './batches.ts';
import { findAccount } from './find-account.ts';
import { type LogRow, openLog } from './log-file.ts';

/** Rows that are shown of those that were refused; of all of them there is the number. */
const REFUSED_SHOWN_MAX = 20;
const CELL_CHARACTERS_MAX = 60;
const TRIES = 5;
const TRY_AGAIN_MS = 1_000;

interface Refused {
  readonly place: string;
  readonly callId: string | null;
  readonly message: string;
}

interface Summary {
  read: number;
  imported: number;
  skipped: number;
  refused: number;
  readonly firstRefused: Refused[];
}

const isPassing = (error: unknown): boolean =>
  error instanceof UnreachableError ||
  (error instanceof ApiError && (error.status === 429 || error.status >= 500));

/** Sends a batch; again where nobody answered, since what is there already is skipped. */
const send = async (client: Client, io: Io, accountId: string, rows: readonly LogRow[]) => {
  for (let made = 1; ; made += 1) {
    try {
      return await client.call(callAdminRoutes.importCalls, {
        body: { account_id: accountId, calls: rows.map(({ call }) => call) },
      });
    } catch (error) {
      if (made >= TRIES || !isPassing(error)) throw error;
      await io.pause(TRY_AGAIN_MS * 2 ** (made - 1));
    }
  }
};

/** What can be said of a batch without sending it. */
const check = (rows: readonly LogRow[]) => {
  const refused = rows.flatMap(({ call }, index) => {
    const result = importedCallSchema.safeParse(call);
    if (result.success) return [];
    const [issue] = result.error.issues;
    const callId = typeof call.callId === 'string' ? call.callId : null;
    return [
      { index, callId, message: `${issue?.path.join('.') ?? 'call'}: ${issue?.message ?? 'is not valid'}` },
    ];
  });
  return { imported: 0, skipped: 0, refused };
};

const number = (count: number): string => count.toLocaleString('en-US');

const renderSummary = (summary: Summary, isDryRun: boolean): string => {
  const { read, imported, skipped, refused, firstRefused } = summary;
  const lines = [
    renderFields([
      ['read', number(read)],
      ...(isDryRun
        ? []
        : ([
            ['imported', number(imported)],
            ['there already', number(skipped)],
          ] as const)),
      ['refused', number(refused)],
    ]),
  ];
  if (refused > 0) {
    lines.push('', 'Refused:');
    for (const { place, callId, message } of firstRefused) {
      lines.push(`  ${place} (${(callId ?? 'no callId').slice(0, CELL_CHARACTERS_MAX)}): ${message}`);
    }
    if (refused > firstRefused.length) lines.push(`  … and ${number(refused - firstRefused.length)} more`);
  }
  return lines.join('\n');
};

export const importCallLogs = apiCommand({
  name: 'calls import',
  summary: 'Take in the call log of an earlier deployment',
  usage: '<calls.csv|calls.db> --account <account> [options]',
  help: [
    'A SQLite database, or a CSV file whose first line names the columns (callId, customerName, ani, callType, startTime,',
    'endTime, duration, status, actions; also call_id, name, phone and the like). Times without an offset are UTC.',
    'What is there already is skipped: after whatever went wrong, run it again.',
    '--account <account>   whose calls they are: the id or name of an account, or the id of an API key or a user',
    '--table <name>        of a SQLite database; default the one that has such columns',
    '--dry-run             reads the file and says what is in it; sends nothing',
  ],
  options: { account: { type: 'string' }, table: { type: 'string' }, 'dry-run': { type: 'boolean' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const [path] = words;
    if (path === undefined) throw new UsageError('Say which file: a CSV file or a SQLite database.');
    const word = textOption(options, 'account');
    const isDryRun = options['dry-run'] === true;
    if (word === undefined && !isDryRun)
      throw new UsageError('Say whose calls they are: --account is missing.');
    const file = await openLog(path, textOption(options, 'table'));
    try {
      const account = word === undefined ? undefined : await findAccount(client, word);
      const say = (text: string) => {
        if (!options.json) io.print(text);
      };
      say(file.description);
      if (account) say(`For the account ${account.name} (${account.id})`);
      const summary: Summary = { read: 0, imported: 0, skipped: 0, refused: 0, firstRefused: [] };
      for await (const { rows } of batchesOf(file.rows)) {
        const answer =
          isDryRun || account === undefined ? check(rows) : await send(client, io, account.id, rows);
        summary.read += rows.length;
        summary.imported += answer.imported;
        summary.skipped += answer.skipped;
        summary.refused += answer.refused.length;
        for (const { index, callId, message } of answer.refused) {
          if (summary.firstRefused.length === REFUSED_SHOWN_MAX) break;
          summary.firstRefused.push({ place: rows[index]?.place ?? `${index}`, callId, message });
        }
        if (summary.read % 5_000 === 0) say(`  ${number(summary.read)} read …`);
      }
      const text = `${isDryRun ? 'Nothing was sent.\n' : ''}${renderSummary(summary, isDryRun)}`;
      const json = { account_id: account?.id ?? null, dry_run: isDryRun, ...summary };
      if (summary.refused > 0) {
        io.print(options.json ? renderJson(json) : text);
        throw new OperatorError(
          `${number(summary.refused)} of ${number(summary.read)} calls were refused; mend them and run it again: the others are skipped then.`,
        );
      }
      return { json, text };
    } finally {
      file.close();
    }
  },
});
