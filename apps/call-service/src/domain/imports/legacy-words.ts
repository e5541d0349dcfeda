import type { CallReason, CallType } from '@switchboard/contracts';

/** How a call ended that is over for certain: it is in a log. */
export interface Outcome {
  readonly status: 'ended' | 'failed';
  /** Null: nobody knows. */
  readonly reason: CallReason | null;
}

const outcomes: readonly (readonly [Outcome, readonly string[]])[] = [
  [
    { status: 'ended', reason: null },
    [
      ...[
        'ended',
        'end',
        'completed',
        'complete',
        'answered',
        'finished',
        'done',
        'success',
        'successful',
        'closed',
      ],
      ...['terminated', 'disconnected', 'canceled', 'cancelled'],
    ],
  ],
  [{ status: 'ended', reason: 'hangup' }, ['hangup', 'hungup', 'hang_up']],
  [{ status: 'ended', reason: 'remote_hangup' }, ['remote_hangup']],
  [{ status: 'ended', reason: 'max_duration' }, ['max_duration', 'timeout', 'timed_out']],
  // It was up when the deployment ended, or crashed.
  [
    { status: 'ended', reason: 'service_lost' },
    [
      ...[
        'service_lost',
        'initializing',
        'initialized',
        'initiated',
        'queued',
        'dialing',
        'ringing',
        'connecting',
      ],
      ...['connected', 'active', 'in_progress', 'ongoing', 'on_hold'],
    ],
  ],
  [{ status: 'failed', reason: null }, ['failed', 'failure', 'error', 'errored']],
  [
    { status: 'failed', reason: 'no_answer' },
    ['no_answer', 'noanswer', 'missed', 'unanswered', 'not_answered'],
  ],
  [{ status: 'failed', reason: 'busy' }, ['busy', 'user_busy']],
  [{ status: 'failed', reason: 'rejected' }, ['rejected', 'declined', 'denied', 'refused', 'blocked']],
  [
    { status: 'failed', reason: 'unreachable' },
    ['unreachable', 'not_found', 'unavailable', 'congestion', 'invalid_number'],
  ],
  [{ status: 'failed', reason: 'media_failed' }, ['media_failed']],
];

const types: readonly (readonly [CallType, readonly string[]])[] = [
  ['inbound', ['inbound', 'incoming', 'in']],
  ['outbound', ['outbound', 'outgoing', 'out', 'outbound_api', 'outbound_dial']],
  ['audio', ['audio', 'voice', 'phone', 'webrtc', 'sip']],
  ['video', ['video']],
];

const wordOf = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');

const find = <Meaning>(
  table: readonly (readonly [Meaning, readonly string[]])[],
  text: string,
): Meaning | undefined => table.find(([, words]) => words.includes(wordOf(text)))?.[0];

/** What other systems call outcomes of calls; undefined for a word that could mean anything. */
export const readOutcome = (text: string): Outcome | undefined =>
  wordOf(text) === '' ? { status: 'ended', reason: null } : find(outcomes, text);

export const readCallType = (text: string): CallType | undefined =>
  wordOf(text) === '' ? 'inbound' : find(types, text);

/** Of an action: whether it was done. */
export const readActionStatus = (value: unknown): 'performed' | 'failed' =>
  value === false || (typeof value === 'string' && find(outcomes, value)?.status === 'failed')
    ? 'failed'
    : 'performed';
