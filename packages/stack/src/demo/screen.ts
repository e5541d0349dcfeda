import { join } from 'node:path';
import { repositoryDir } from '../paths.ts';
import type { DemoKeys } from './keys.ts';
import type { DemoPeople } from './people.ts';
import type { DemoTenant } from './tenant.ts';
import { ticketsUrl } from './tickets.ts';
import type { ReceivedCallback } from './webhook-sink.ts';

export interface ScreenFacts {
  baseUrl: string;
  keys: DemoKeys;
  /** Undefined when they could not be provided, which has been said. */
  people: DemoPeople | undefined;
  anonKey: string;
  /** Undefined when the operator set it: it is theirs to know. */
  adminPassword: string | undefined;
  tenant: DemoTenant;
  sinkUrl: string;
  jobId: string;
  recording: string;
  databaseWhere: string;
  natsWhere: string;
  demoFile: string;
  logsDir: string;
  /** Where the local stack is, if not where commands look for it by themselves. */
  localDirGiven: string | undefined;
  /** How the demo's callback arrived, or why it did not. */
  outcome:
    | { callback: ReceivedCallback; status: Record<string, unknown>; seconds: number }
    | { fault: string };
}

/** Fits a terminal of 80 columns, but for paths and addresses that are longer themselves. */
const RULE = '─'.repeat(79);

/** The one screen at the end of a start: where everything is, and what to paste next. */
export function renderScreen(facts: ScreenFacts): string {
  const { baseUrl, keys, tenant } = facts;
  const api = `${baseUrl}/api/partner/v1`;
  const auth = [
    `-H 'Authorization: Bearer ${keys.sandbox.key}'`,
    `-H 'X-API-Secret: ${keys.sandbox.secret}'`,
  ];
  return [
    '',
    RULE,
    ` Switchboard runs at ${baseUrl}. Ctrl-C ends it.`,
    RULE,
    ` API docs     ${baseUrl}/docs`,
    ` Database     ${facts.databaseWhere}`,
    ` NATS         ${facts.natsWhere}`,
    ` For tools    ${facts.demoFile}`,
    ` Logs         ${facts.logsDir}`,
    '',
    ' Demo partner',
    `   sandbox      ${keys.sandbox.key}`,
    `                ${keys.sandbox.secret}`,
    `   production   ${keys.production.key}`,
    `                ${keys.production.secret}`,
    ` Callbacks of the sandbox key are signed with`,
    `   ${keys.sandbox.webhookSecret}`,
    ...renderPeople(facts),
    '',
    ' Paste these into another terminal:',
    '',
    curl(`${baseUrl}/health`),
    curl(`${api}/companies`, ...auth),
    curl(
      `${api}/calls/analyze`,
      ...auth,
      `-F ${quote(`audio_file=@"${join(repositoryDir, facts.recording)}"`)}`,
      `-F webhook_url=${facts.sinkUrl}`,
      `-F company_id=${tenant.companyId} -F call_type=support`,
      `-F agent_id=${tenant.agentId}`,
    ),
    curl(`${api}/jobs/${facts.jobId}/status`, ...auth),
    ...pasteForPeople(facts),
    ...renderOutcome(facts),
    RULE,
    '',
  ].join('\n');
}

const curl = (url: string, ...options: string[]) => `  curl ${[url, ...options].join(' \\\n    ')}\n`;

/** A long word inside double quotes, over several lines that a shell joins again. */
function foldWord(word: string, columns = 78): string {
  return (word.match(new RegExp(`.{1,${columns}}`, 'g')) ?? []).join('\\\n');
}

function renderPeople({ baseUrl, people, adminPassword }: ScreenFacts): string[] {
  if (!people) return [];
  return [
    '',
    ' Sign in as',
    `   administrator  ${people.admin.email}  ${adminPassword ?? '(your ADMIN_PASSWORD)'}`,
    `   user           ${people.user.email}  ${people.user.password}`,
    ' For programs',
    `   API key        ${people.apiKey.key}`,
    `   its secret     ${people.apiKey.secret}`,
    `   tickets        ${people.integrationToken}`,
    ' Make a call: open',
    `   ${callPage(baseUrl, people.apiKey)}`,
  ];
}

function pasteForPeople({ baseUrl, people, anonKey, localDirGiven }: ScreenFacts): string[] {
  if (!people) return [];
  return [
    curl(
      quote(`${baseUrl}/auth/v1/token?grant_type=password`),
      `-H "apikey: \\\n${foldWord(anonKey)}"`,
      `-H 'Content-Type: application/json'`,
      `-d ${quote(JSON.stringify(people.user))}`,
    ),
    ...pasteForTickets(baseUrl, people),
    ...pasteForCalls(baseUrl, people),
    // Its arrival, and who signed it, is said where the stack runs.
    switchboard(`webhooks endpoints test ${people.webhookEndpoint.id}`, localDirGiven),
  ];
}

/** With the variables of the guide: what the demo token opened, and the guide's example, which opens one more and follows it. */
function pasteForTickets(baseUrl: string, { integrationToken }: DemoPeople): string[] {
  return [
    `  export INTEGRATION_TOKEN=${integrationToken}\n  export INTEGRATION_URL=${ticketsUrl(baseUrl)}\n`,
    curl('"$INTEGRATION_URL/tickets?limit=5"', '-H "Authorization: Bearer $INTEGRATION_TOKEN"'),
    `  cd ${quote(repositoryDir)} && bash examples/integration_examples.sh\n`,
  ];
}

/** A call whose far end talks for three seconds and hangs up, what is kept of it, and one that is followed live. */
function pasteForCalls(baseUrl: string, { apiKey }: DemoPeople): string[] {
  const call = { name: 'John Doe', phone: '+15005550004', callType: 'outbound' };
  const auth = [`-H 'X-API-Key: ${apiKey.key}'`, `-H 'X-API-Secret: ${apiKey.secret}'`];
  return [
    curl(
      `${baseUrl}/api/v1/calls`,
      ...auth,
      `-H 'Content-Type: application/json'`,
      `-d ${quote(JSON.stringify(call))}`,
    ),
    curl(`'${baseUrl}/api/v1/call-logs?limit=5'`, ...auth),
    `  cd ${quote(repositoryDir)} && BASE_URL=${baseUrl} \\\n    API_KEY=${apiKey.key} \\\n    API_SECRET=${apiKey.secret} \\\n    npx node examples/calls/follow-call.mjs\n`,
  ];
}

/** From any directory: elsewhere npx would offer a package of that name that is not ours. */
function switchboard(words: string, localDirGiven: string | undefined): string {
  const where = localDirGiven === undefined ? '' : `SWITCHBOARD_LOCAL_DIR=${quote(localDirGiven)} \\\n    `;
  return `  cd ${quote(repositoryDir)} && \\\n    ${where}npx switchboard ${words}\n`;
}

/** With the key behind the #, which browsers send to nobody; the page takes it out of the address bar. */
function callPage(baseUrl: string, { key, secret }: DemoPeople['apiKey']): string {
  return `${baseUrl}/demo/call#${new URLSearchParams({ key, secret })}`;
}

/** For a POSIX shell: nothing inside is special. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function renderOutcome(facts: ScreenFacts): string[] {
  if ('fault' in facts.outcome) {
    return [
      ` The demo job did not come through: ${facts.outcome.fault}`,
      ` The logs above, and ${facts.logsDir}, say more.`,
    ];
  }
  const { callback, status, seconds } = facts.outcome;
  const signature = callback.signedBy
    ? `signature verified (${callback.signedBy} secret)`
    : 'SIGNATURE WRONG';
  const end =
    status.status === 'completed'
      ? `was analysed in ${seconds} s: overall score ${String(scoreOf(status.results))} of 10`
      : `was not analysed: the job ended ${String(status.status)} (${String(status.error_message)})`;
  return [` ${facts.recording}`, ` ${end}.`, ` Its callback arrived at ${facts.sinkUrl},`, ` ${signature}.`];
}

function scoreOf(results: unknown): unknown {
  return typeof results === 'object' && results !== null && 'overall_score' in results
    ? results.overall_score
    : undefined;
}
