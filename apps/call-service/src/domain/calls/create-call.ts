import { randomUUID } from 'node:crypto';
import { AppError, callEvents, callRoutes, createCallAnswer, type Principal } from '@switchboard/contracts';
import { type IdempotentAnswer, type Tools, toJson, transact } from '@switchboard/db';
import { hashRequest, runSealedOnce } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import type { Call } from '../database.ts';
import { iceServersFor } from '../ice-servers.ts';
import { issueTicket, renewIssued, socketUrl } from '../tickets/issue-ticket.ts';
import { accountOf, starterOf } from './accounts.ts';
import { countActive, insertCall, lockStarts } from './call-repository.ts';
import { insertFrames } from './frame-repository.ts';
import { publishFrames, type StoredFrame } from './frames.ts';

type Input = z.output<typeof callRoutes.createCall.body>;
type Answer = z.output<typeof createCallAnswer>;
type Starter = Extract<Principal, { kind: 'api_key' | 'user' }>;

/** From here on calls of an account are counted one after another, so that none is over the limit. */
const CAREFUL_FROM_LEFT = 50;
const TRY_AGAIN_SECONDS = 10;

const checkAccountLimit = async (
  trx: Tools<'calls'>['trx'],
  accountId: string,
  limit: number,
): Promise<void> => {
  let active = await countActive(trx, accountId, limit);
  if (active >= limit - CAREFUL_FROM_LEFT && active < limit) {
    await lockStarts(trx, accountId);
    active = await countActive(trx, accountId, limit);
  }
  if (active < limit) return;
  throw new AppError('RATE_LIMIT_EXCEEDED', {
    message: `${limit} calls of this account are active, and more are not allowed: end one first`,
    details: { limit },
    headers: { 'retry-after': String(TRY_AGAIN_SECONDS) },
  });
};

/** @throws BAD_GATEWAY (on this surface CONNECTION_ERROR), SERVICE_UNAVAILABLE */
const checkCapacity = ({ driver, sessions }: Pick<Deps, 'driver' | 'sessions'>): void => {
  if (!driver.isUp()) {
    throw new AppError('BAD_GATEWAY', {
      message: 'The telephone side cannot be reached right now: try again',
    });
  }
  if (!sessions.canTake()) {
    throw new AppError('SERVICE_UNAVAILABLE', { message: 'No more calls can be taken right now: try again' });
  }
};

/** TURN passwords last as long as a call can. */
const iceServersOf = ({ calls, media }: Deps['config'], call: Call) =>
  iceServersFor(media, {
    callId: call.id,
    expiresAt: new Date(call.started_at.getTime() + calls.secondsMax * 1000),
  });

interface Started {
  readonly call: Call;
  readonly frame: StoredFrame;
  readonly answer: Answer;
}

const start = async (
  deps: Omit<Deps, 'answerBox'>,
  { trx, emit }: Tools<'calls'>,
  starter: Starter,
  input: Input,
): Promise<Started> => {
  const { data, config, sessions } = deps;
  checkCapacity(deps);
  const accountId = accountOf(starter);
  await checkAccountLimit(trx, accountId, config.calls.activePerAccountMax);
  const now = data.clock.now();
  const { name, phone, callType } = input;
  const call = await insertCall(trx, {
    id: randomUUID(),
    account_id: accountId,
    name,
    phone,
    call_type: callType,
    metadata: toJson(input.metadata ?? {}),
    status: 'initializing',
    started_at: now,
    last_sequence: 1,
    created_by: starterOf(starter),
    lease_owner: sessions.owner,
    lease_until: new Date(now.getTime() + config.calls.leaseSeconds * 1000),
  });
  const frame: StoredFrame = {
    callId: call.id,
    sequence: 1,
    type: 'call.initialized',
    data: { name, phone, callType },
    at: now,
    isFinal: false,
  };
  await insertFrames(trx, [frame]);
  const { ticket } = await issueTicket(data, trx, call.id);
  emit(callEvents.initialized, {
    call_id: call.id,
    account_id: accountId,
    name,
    phone,
    call_type: callType,
    sequence: 1,
    at: now.toISOString(),
  });
  return {
    call,
    frame,
    answer: {
      success: true,
      data: {
        callId: call.id,
        wsUrl: socketUrl(config.edge.publicUrl, call.id, ticket),
        status: call.status,
        iceServers: [...iceServersOf(config, call)],
      },
    },
  };
};

/**
 * Starts a call. It is stored, with a lease of this process, before anything is dialled: should the process die here,
 * another one finds it. A repeated request starts nothing, and its answer is the first one's, with its ticket good again.
 *
 * @throws RATE_LIMIT_EXCEEDED, BAD_GATEWAY, SERVICE_UNAVAILABLE, DUPLICATE_REQUEST
 */
export const createCall = async (
  deps: Deps,
  starter: Starter,
  { sbcType: _ignored, ...input }: Input,
  idempotencyKey: string | undefined,
): Promise<IdempotentAnswer<Answer>> => {
  const { data, bus, sessions, answerBox } = deps;
  const { answer, started } = await transact(data, async (tools) => {
    // Of this try: the transaction may run again.
    const begun: Started[] = [];
    const once = await runSealedOnce(
      {
        trx: tools.trx,
        clock: data.clock,
        scope: `${accountOf(starter)}:${callRoutes.createCall.id}`,
        key: idempotencyKey,
        requestHash: hashRequest(input),
        box: answerBox,
      },
      201,
      async () => {
        const started = await start(deps, tools, starter, input);
        begun.push(started);
        return started.answer;
      },
      createCallAnswer,
    );
    if (once.replayed) {
      const { callId, wsUrl } = once.body.data;
      await renewIssued(data, tools.trx, callId, new URL(wsUrl).searchParams.get('ticket') ?? '');
    }
    return { answer: once, started: begun[0] };
  });
  if (started) {
    publishFrames(bus, [started.frame]);
    sessions.begin(started.call);
  }
  return answer;
};
