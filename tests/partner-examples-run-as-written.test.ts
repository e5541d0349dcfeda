import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bringTool } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import {
  besideTheMainJob,
  type PartnerCredentials,
  type Platform,
  recordingPath,
  startPlatform,
} from './support/platform.ts';

const run = promisify(execFile);
const examplesDir = new URL('../docs/partner-api-examples/', import.meta.url).pathname;

/** What the partner guide promises in Node.js, Python, PHP and curl. */
const examples = ['analyze-call.mjs', 'analyze_call.py', 'analyze-call.php', 'analyze-call.sh'] as const;

const isHere = async (program: string): Promise<void> => void (await run(program, ['--version']));

/** The program that runs an example; throws in words where it cannot be had. */
const programs: Readonly<Record<(typeof examples)[number], () => Promise<string>>> = {
  'analyze-call.mjs': async () => process.execPath,
  'analyze_call.py': () => isHere('python3').then(() => 'python3'),
  'analyze-call.php': () => bringTool('php'),
  'analyze-call.sh': () => isHere('curl').then(() => 'sh'),
};
const programOf = async (example: (typeof examples)[number], ctx: TestContext): Promise<string> =>
  programs[example]().catch((error: Error) => {
    console.warn(`NOT TESTED: ${example}, because ${error.message}`);
    return ctx.skip(error.message);
  });

let platform: Platform;
let credentials: PartnerCredentials;
let dir: string;
let recording: string;

const WAV_HEADER_BYTES = 44;
const BYTES_PER_SECOND = 8_000 * 2 * 2;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'partner-examples-'));
  recording = join(dir, 'call.wav');
  // The beginning of the greeting: an analysis of seconds.
  const call = await readFile(recordingPath('support-call.wav'));
  await writeFile(recording, call.subarray(0, WAV_HEADER_BYTES + 4 * BYTES_PER_SECOND));
  platform = await startPlatform({}, { without: besideTheMainJob });
  credentials = await platform.createKey();
}, 180_000);
afterAll(async () => {
  await platform?.stop();
  await rm(dir, { recursive: true, force: true });
});

for (const example of examples) {
  test(`${example} analyses a recording`, async (ctx) => {
    const program = await programOf(example, ctx);
    const { stdout } = await run(program, [join(examplesDir, example), recording], {
      env: {
        PATH: process.env.PATH,
        BASE_URL: platform.gatewayUrl,
        API_KEY: credentials.key,
        API_SECRET: credentials.secret,
      },
    });
    expect(stdout.toLowerCase()).toContain('thank you for calling');
  }, 180_000);
}

const secret = 'whsec_c2VjcmV0';
const body = JSON.stringify({ job_id: 'ünïcode', results: { overall_score: 8.5 } });
const good = createHmac('sha256', secret).update(body).digest('hex');
const wrong = good.replace(/^./, (first) => (first === '0' ? '1' : '0'));

test('the Node.js example knows a callback of ours from another', async () => {
  const { verifyWebhook } = await import(join(examplesDir, 'analyze-call.mjs'));
  const verdicts = [good, wrong, '', undefined].map((signature) => verifyWebhook(body, signature, secret));
  expect(verdicts).toEqual([true, false, false, false]);
});

test('so does the Python example', async (ctx) => {
  const python = await programOf('analyze_call.py', ctx);
  const code = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from analyze_call import verify_webhook
print([verify_webhook(sys.argv[2].encode(), signature, sys.argv[3]) for signature in sys.argv[4:]])`;
  const { stdout } = await run(python, ['-c', code, examplesDir, body, secret, good, wrong, '']);
  expect(stdout.trim()).toBe('[True, False, False]');
});
