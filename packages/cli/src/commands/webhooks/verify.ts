import { readFile } from 'node:fs/promises';
import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import {
  type Io,
  OperatorError,
  type Options,
  readId,
  refuseMoreWords,
  textOption,
  UsageError,
} from '../../command.ts';
import { readDuration } from '../../options.ts';
import { renderTable } from '../../table.ts';

const REQUEST_LINE = /^[A-Z]+ \S+( HTTP\/\S+)?$/;
const HEADER = /^([^:\s]+):\s*(.*?)\s*$/;

const readBytes = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    throw new OperatorError(
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
};

/** `Name: value`, a line each; the same name twice is one header, as RFC 9110 has it. */
const parseHeaders = (text: string): Record<string, string> => {
  const headers = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || (headers.size === 0 && REQUEST_LINE.test(line))) continue;
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`"${line.slice(0, 80)}" is no header: Name: value. A blank line ends them.`);
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  if (headers.size === 0) throw new UsageError('There are no headers: Name: value, one on each line.');
  return Object.fromEntries(headers);
};

/** A request as it went over the wire: perhaps a request line, headers, a blank line, and the bytes of the body. */
const parseRequest = (request: Buffer): { headers: Record<string, string>; body: Buffer } => {
  // Byte by byte, as latin1 has it: the body is not read as text, or what is to be verified would be changed.
  const [blank] = /\r?\n\r?\n/.exec(request.toString('latin1')) ?? [];
  if (blank === undefined)
    throw new UsageError('There is no blank line: headers, a blank line, then the body as it was received.');
  const at = request.indexOf(blank, 0, 'latin1');
  const headers = parseHeaders(request.subarray(0, at).toString('latin1'));
  const body = request.subarray(at + blank.length);
  const length = Number(headers['content-length'] ?? Number.NaN);
  // What an editor or a shell put behind the end is not part of it. More than that is another body, such as one that was
  // parsed and printed again beside the headers of before: cut, it could not be known as that.
  const isOnlyPadding = body.length > length && body.subarray(length).toString('latin1').trim() === '';
  return { headers, body: isOnlyPadding ? body.subarray(0, length) : body };
};

const readInput = async (io: Io): Promise<Buffer> => {
  const text = await io.readInput();
  if (text.trim() === '') throw new UsageError('Give the request as a file or on standard input.');
  if (text.includes('\uFFFD'))
    throw new UsageError('The body is not UTF-8, which standard input takes: give the request as a file.');
  return Buffer.from(text, 'utf8');
};

const readReceived = async (file: string | undefined, options: Options, io: Io) => {
  const headersFile = textOption(options, 'headers');
  const bodyFile = textOption(options, 'body');
  if (headersFile === undefined && bodyFile === undefined)
    return parseRequest(file === undefined ? await readInput(io) : await readBytes(file));
  if (headersFile === undefined || bodyFile === undefined || file !== undefined)
    throw new UsageError('Either a request, or --headers and --body.');
  return {
    headers: parseHeaders((await readBytes(headersFile)).toString('latin1')),
    body: await readBytes(bodyFile),
  };
};

const readTolerance = (options: Options): number | undefined => {
  const text = textOption(options, 'tolerance');
  if (text === undefined) return undefined;
  const seconds = readDuration(text);
  if (seconds === undefined) throw new UsageError('--tolerance must be like 300s or 5m.');
  return seconds;
};

const RESULTS = { true: 'ok', false: 'failed', null: 'not looked at' };

export const verifyWebhook = apiCommand({
  name: 'webhooks verify',
  summary: 'Say why a receiver refuses a webhook, step by step',
  usage: '[<file>] [options] [< request]',
  help: [
    'The request as the receiver got it: headers, a blank line, and the bytes of the body, untouched.',
    '--headers <file>, --body <file>   the same in two files',
    '--endpoint <id>                   whose signature it should be; default the one the message was sent to',
    '--secret-file <file>              the secret that the receiver checks with: compared, never kept or shown',
    '--tolerance 5m                    how far the clocks may differ',
  ],
  options: {
    headers: { type: 'string' },
    body: { type: 'string' },
    endpoint: { type: 'string' },
    'secret-file': { type: 'string' },
    tolerance: { type: 'string' },
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const endpoint = textOption(options, 'endpoint');
    const endpointId = endpoint === undefined ? undefined : readId(endpoint, 'endpoint id');
    const tolerance = readTolerance(options);
    const { headers, body } = await readReceived(words[0], options, io);
    const secretFile = textOption(options, 'secret-file');
    const found = await client.call(webhookAdminRoutes.verifySignature, {
      body: {
        endpoint_id: endpointId,
        headers,
        body_base64: body.toString('base64'),
        secret: secretFile === undefined ? undefined : (await readBytes(secretFile)).toString('utf8').trim(),
        tolerance_seconds: tolerance,
      },
    });
    return {
      json: found,
      text: [
        found.valid ? 'A correct receiver takes it.' : 'A correct receiver refuses it.',
        '',
        renderTable(
          ['STEP', 'RESULT', 'DETAIL'],
          found.steps.map(({ step, ok, detail }) => [step, RESULTS[`${ok}`], detail]),
        ),
        ...(found.advice === null ? [] : ['', found.advice]),
      ].join('\n'),
    };
  },
});
