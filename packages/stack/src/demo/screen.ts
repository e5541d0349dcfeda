import { join } from 'node:path';
import { repositoryDir } from '../paths.ts';
import type { DemoKeys } from './keys.ts';
import type { DemoTenant } from './tenant.ts';
import type { ReceivedCallback } from './webhook-sink.ts';

export interface ScreenFacts {
  baseUrl: string;
  keys: DemoKeys;
  tenant: DemoTenant;
  sinkUrl: string;
  jobId: string;
  recording: string;
  databaseWhere: string;
  natsWhere: string;
  demoFile: string;
  /** How the demo's callback arrived, or why it did not. */
  outcome:
    | { callback: ReceivedCallback; status: Record<string, unknown>; seconds: number }
    | { fault: string };
}

const RULE = '─'.repeat(100);

/** The one screen at the end of a start: where everything is, and what to paste next. */
export function renderScreen(facts: ScreenFacts): string {
  const { baseUrl, keys, tenant } = facts;
  const api = `${baseUrl}/api/partner/v1`;
  const auth = [
    `-H 'Authorization: Bearer ${keys.sandbox.key}'`,
    `-H 'X-API-Secret: ${keys.sandbox.secret}'`,
  ].join(' \\\n    ');
  return [
    '',
    RULE,
    ` Switchboard runs.     ${baseUrl}      Ctrl-C ends it.`,
    RULE,
    ` API docs      ${baseUrl}/docs        ${baseUrl}/openapi.json`,
    ` Database      ${facts.databaseWhere}`,
    ` NATS          ${facts.natsWhere}`,
    ` For tools     ${facts.demoFile}`,
    '',
    ' Demo partner, sandbox                               production',
    `   key     ${keys.sandbox.key}   ${keys.production.key}`,
    `   secret  ${keys.sandbox.secret}   ${keys.production.secret}`,
    `   callbacks are signed with (sandbox)  ${keys.sandbox.webhookSecret}`,
    '',
    ' Paste these:',
    '',
    `  curl ${baseUrl}/health`,
    '',
    `  curl ${api}/companies \\\n    ${auth}`,
    '',
    `  curl ${api}/calls/analyze \\\n    ${auth} \\`,
    `    -F 'audio_file=@${join(repositoryDir, facts.recording)}' -F call_type=support \\`,
    `    -F company_id=${tenant.companyId} -F agent_id=${tenant.agentId} \\`,
    `    -F webhook_url=${facts.sinkUrl}`,
    '',
    `  curl ${api}/jobs/${facts.jobId}/status \\\n    ${auth}`,
    '',
    ...renderOutcome(facts),
    RULE,
    '',
  ].join('\n');
}

function renderOutcome(facts: ScreenFacts): string[] {
  if ('fault' in facts.outcome) {
    return [
      ` The demo job did not come through: ${facts.outcome.fault}`,
      ' The logs above, and .local/logs, say more.',
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
  return [` ${facts.recording} ${end}.`, ` Its callback arrived at ${facts.sinkUrl}, ${signature}.`];
}

function scoreOf(results: unknown): unknown {
  return typeof results === 'object' && results !== null && 'overall_score' in results
    ? results.overall_score
    : undefined;
}
