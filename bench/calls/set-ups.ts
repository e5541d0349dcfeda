import { openCallSocket } from '../../tests/support/call-socket.ts';
import { rehearsal } from '../../tests/support/calls-client.ts';
import type { Account, CpuUse, Rig } from './rig.ts';

const CALLS = 600;
const WARM_UP = 100;
export const AT_A_TIME = 16;

export interface SetUpFigures {
  readonly calls: number;
  readonly perSecond: number;
  /** CPU for each call, in ms. */
  readonly cpuMs: CpuUse;
}

/** Start, follow by the address of the answer, see it connected, end, see the end. */
const makeCall = async ({ client }: Account): Promise<void> => {
  const { callId, wsUrl } = await client.start(rehearsal.answersAtOnce);
  const socket = openCallSocket(wsUrl);
  try {
    await socket.waitForFrame('call.connected', 30_000);
    await client.end(callId);
    await socket.waitForFrame('call.ended', 30_000);
  } finally {
    socket.raw.terminate();
  }
};

const makeCalls = async (account: Account, count: number): Promise<void> => {
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      await makeCall(account);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
};

/** Whole calls through the gateway, and what they cost every process. */
export const measureSetUps = async (rig: Rig, account: Account): Promise<SetUpFigures> => {
  await makeCalls(account, WARM_UP);
  const before = rig.cpu();
  const startedMs = performance.now();
  await makeCalls(account, CALLS);
  const seconds = (performance.now() - startedMs) / 1000;
  const after = rig.cpu();
  const each = (name: keyof CpuUse): number => ((after[name] - before[name]) * 1000) / CALLS;
  return {
    calls: CALLS,
    perSecond: CALLS / seconds,
    cpuMs: {
      gateway: each('gateway'),
      callService: each('callService'),
      postgres: each('postgres'),
      nats: each('nats'),
    },
  };
};
