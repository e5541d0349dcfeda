import type { Deps } from '../../../deps.ts';
import type { Executor } from '../../deliveries/executor.ts';
import { type EndpointRecord, requireEndpoint } from '../../endpoints/endpoint-repository.ts';
import { findSent, listAttemptTimes, listOtherSecrets } from './explain-repository.ts';
import { candidatesOfCallback, candidatesOfEndpoint } from './find-candidates.ts';
import { judgeBytes } from './judge-bytes.ts';
import { judgeClock } from './judge-clock.ts';
import { judgePublicKey } from './judge-public-key.ts';
import { judgeSecret } from './judge-secret.ts';
import { judgeSignature } from './judge-signature.ts';
import { type Given, readGiven } from './read-given.ts';
import type { Candidate, Explanation, Input, Sent, Verdict } from './types.ts';

type Tools = Pick<Deps, 'data' | 'box' | 'settings' | 'signingKeys'>;

interface Match {
  readonly sent: Sent | null;
  readonly candidates: readonly Candidate[];
}

const judgeMessage = (
  { messageId }: Given,
  { sent }: Match,
  { endpoint, isElsewhere }: { readonly endpoint: EndpointRecord | null; readonly isElsewhere: boolean },
): Verdict => {
  if (messageId === null) return { ok: null, detail: 'Without webhook-id there is no message to look for' };
  if (sent) {
    const target = sent.endpointId === null ? 'a callback' : `sent to endpoint ${sent.endpointId}`;
    return {
      ok: true,
      detail: `It is on record as ${target}: ${sent.status}, ${sent.attemptCount} attempts, delivery ${sent.deliveryId}`,
    };
  }
  if (isElsewhere) {
    return {
      ok: false,
      detail: 'It is on record, and was not sent to this endpoint',
      advice: `Ask about the endpoint that it was sent to${endpoint ? `, not about ${endpoint.id}` : ''}.`,
    };
  }
  return {
    ok: false,
    detail: 'No message with this webhook-id is on record',
    advice: 'If it is no older than messages are kept, it does not come from this Switchboard: refuse it.',
  };
};

const candidatesOf = async (
  { data, box, settings }: Tools,
  sent: Pick<Sent, 'endpointId' | 'keyId' | 'secretVersion'>,
): Promise<readonly Candidate[]> =>
  sent.endpointId === null
    ? candidatesOfCallback(sent, settings.secret)
    : candidatesOfEndpoint(data.db, box, sent.endpointId, data.clock.now());

/** Of several deliveries of a message the one that the signatures, or the secret, fit; else the first. */
const choose = async (
  tools: Tools,
  { given, secret }: { readonly given: Given; readonly secret: string | undefined },
  found: readonly Sent[],
): Promise<Match | null> => {
  let first: Match | null = null;
  for (const sent of found) {
    const match = { sent, candidates: await candidatesOf(tools, sent) };
    first ??= match;
    if (found.length === 1) break;
    const context = { given, candidates: match.candidates, attempts: [] };
    const sentBody = sent.body === null ? null : Buffer.from(sent.body);
    const { candidates } = match;
    const { match: secretMatch } = await judgeSecret(secret, {
      candidates,
      profile: sent.profile,
      owner: sent.owner,
      box: tools.box,
      others: async () => [],
    });
    const signature = judgeSignature({ ...context, sentBody, secret, secretMatch });
    if (signature.ok || secretMatch) return match;
  }
  return first;
};

const findMatch = async (
  tools: Tools,
  input: { readonly given: Given; readonly secret: string | undefined },
  endpoint: EndpointRecord | null,
): Promise<Match> => {
  const { messageId } = input.given;
  const found = messageId === null ? [] : await findSent(tools.data.db, messageId, endpoint?.id ?? null);
  const chosen = await choose(tools, input, found);
  if (chosen) return chosen;
  // The endpoint's secrets tell something even without the message.
  const candidates = endpoint
    ? await candidatesOf(tools, { endpointId: endpoint.id, keyId: null, secretVersion: null })
    : [];
  return { sent: null, candidates };
};

const isOnRecord = async (executor: Executor, messageId: string | null): Promise<boolean> =>
  messageId !== null && (await findSent(executor, messageId, null)).length > 0;

const NOTHING_TO_CHECK_WITH = 'Name the endpoint: without its secrets nobody can say whose signature it is.';

/**
 * Goes through a verification of what a receiver got, step by step in the order in which a receiver takes them, and says what to
 * do about the first step that fails. A request is taken when no step failed and a signature is right.
 *
 * The secret that a receiver checks with is compared, in constant time, and neither kept, logged nor shown.
 *
 * @throws ENDPOINT_NOT_FOUND
 */
export const explainSignature = async (tools: Tools, input: Input): Promise<Explanation> => {
  const { data, box } = tools;
  const endpoint = input.endpoint_id === undefined ? null : await requireEndpoint(data.db, input.endpoint_id);
  const { given, verdict: headers } = readGiven(input);
  const { secret } = input;
  const match = await findMatch(tools, { given, secret }, endpoint);
  const { sent, candidates } = match;
  const isElsewhere = !sent && (await isOnRecord(data.db, given.messageId));
  const attempts = sent ? await listAttemptTimes(data.db, sent.deliveryId) : [];
  const sentBody = sent?.body ? Buffer.from(sent.body) : null;
  const endpointId = sent?.endpointId ?? endpoint?.id ?? null;
  const ofSecret = await judgeSecret(secret, {
    candidates,
    profile: sent?.profile ?? (endpoint ? 'standard' : null),
    owner: sent?.owner ?? endpoint?.owner ?? null,
    box,
    others: () => listOtherSecrets(data.db, endpointId),
  });
  const verdicts: readonly (readonly [Explanation['steps'][number]['step'], Verdict])[] = [
    ['headers', headers],
    [
      'clock',
      judgeClock(given, attempts, { now: data.clock.now(), toleranceSeconds: input.tolerance_seconds }),
    ],
    ['message', judgeMessage(given, match, { endpoint, isElsewhere })],
    ['bytes', judgeBytes(given.body, sent)],
    ['secret', ofSecret.verdict],
    [
      'signature',
      judgeSignature({ given, sentBody, attempts, candidates, secret, secretMatch: ofSecret.match }),
    ],
    ['public_key', judgePublicKey(given, sentBody, await tools.signingKeys.live())],
  ];
  const failed = verdicts.map(([, verdict]) => verdict).find((verdict) => verdict.ok === false);
  const isSigned = verdicts.some(
    ([step, { ok }]) => (step === 'signature' || step === 'public_key') && ok === true,
  );
  return {
    valid: failed === undefined && isSigned,
    steps: verdicts.map(([step, { ok, detail }]) => ({ step, ok, detail })),
    advice: failed?.ok === false ? failed.advice : isSigned ? null : NOTHING_TO_CHECK_WITH,
  };
};
