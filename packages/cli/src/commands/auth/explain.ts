import { explainBody, gatewayAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { renderFields, renderTable } from '../../table.ts';

const REQUEST_LINE = /^[A-Z]+ \S+ HTTP\//;
const HEADER = /^([^:\s]+):\s*(.*)$/;

/** `Name: value`, a line each, as curl -v and logs of proxies show them, with or without their `>`. */
const readHeaders = (text: string): Record<string, string | string[]> => {
  const headers = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const words = line.replace(/^[>\s]+/, '');
    if (words === '' || REQUEST_LINE.test(words)) continue;
    const [, name, value] = HEADER.exec(words) ?? [];
    if (name === undefined || value === undefined) {
      throw new UsageError('Each line must be a header: Name: value.');
    }
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  if (headers.size === 0) {
    throw new UsageError('Give the headers of the request on standard input, one on each line.');
  }
  return Object.fromEntries(
    [...headers].map(([name, values]) => [name, values.length > 1 ? values : (values[0] ?? '')]),
  );
};

export const explainCredential = apiCommand({
  name: 'auth explain',
  summary: 'Say why a gateway refuses a request, check by check',
  usage: '[options] < headers',
  help: [
    'The headers of the request are read from standard input, one on each line: a secret is never an argument.',
    '--path <path>      of the request, with its query; without it only the credential is looked at',
    '--method <method>  default GET',
    '--ip <address>     where the request came from; without it IP lists are not looked at',
  ],
  options: { path: { type: 'string' }, method: { type: 'string' }, ip: { type: 'string' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 0);
    const method = explainBody.shape.method.safeParse(textOption(options, 'method')?.toUpperCase());
    if (!method.success) throw new UsageError('--method must be GET, HEAD, POST, PUT, PATCH or DELETE.');
    const found = await client.call(gatewayAdminRoutes.explain, {
      body: {
        headers: readHeaders(await io.readInput()),
        method: method.data,
        path: textOption(options, 'path'),
        ip: textOption(options, 'ip'),
      },
    });
    const verdict = { true: 'let in', false: 'refused', null: 'shows only when it is made' }[
      String(found.accepted)
    ];
    return {
      json: found,
      text: [
        renderFields([
          ['request', verdict ?? ''],
          [
            'credential',
            found.credential ? `${found.credential.kind} ${found.credential.prefix ?? ''}` : 'none',
          ],
          ['route', found.route?.id ?? 'none'],
          [
            'answer',
            found.answer ? `${found.answer.status} ${found.answer.code}: ${found.answer.message}` : '–',
          ],
        ]),
        '',
        renderTable(
          ['CHECK', 'RESULT', 'REASON'],
          found.checks.map(({ check, result, reason }) => [check, result, reason ?? '']),
        ),
      ].join('\n'),
    };
  },
});
