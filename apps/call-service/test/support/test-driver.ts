import type {
  Leg,
  LegAction,
  LegEvent,
  LegRequest,
  LostLeg,
  TelephonyDriver,
} from '../../src/domain/telephony/driver.ts';

/** The telephone side of one call, in the hands of a test. */
export interface TestLeg {
  readonly request: LegRequest;
  readonly acts: readonly LegAction[];
  readonly offers: readonly string[];
  readonly candidates: readonly unknown[];
  /** What was done to it last of all; null: it lives. */
  readonly end: 'ended' | 'released' | null;
  /** The far side tells something. */
  tell(event: LegEvent): void;
}

export interface TestDriver extends TelephonyDriver {
  /** By call, oldest first. */
  readonly legs: ReadonlyMap<string, TestLeg>;
  leg(callId: string): TestLeg;
  up: boolean;
  /** Does instead of an act what the far side does: throw, wait. */
  onAct: (action: LegAction) => Promise<void>;
  /** Whether a lost leg can be taken over. */
  canResume: (lost: LostLeg) => boolean;
}

/** A telephone exchange that does nothing by itself: what happens to its calls is said by the test. */
export const createTestDriver = (): TestDriver => {
  const legs = new Map<string, TestLeg>();

  const open = (request: LegRequest): Leg => {
    const acts: LegAction[] = [];
    const offers: string[] = [];
    const candidates: unknown[] = [];
    let end: TestLeg['end'] = null;
    legs.set(request.callId, {
      request,
      acts,
      offers,
      candidates,
      get end() {
        return end;
      },
      tell: (event) => request.onEvent(event),
    });
    return {
      async offer(sdp) {
        offers.push(sdp);
      },
      async candidate(candidate) {
        candidates.push(candidate);
      },
      async act(action) {
        await driver.onAct(action);
        acts.push(action);
      },
      async end() {
        end ??= 'ended';
      },
      async release() {
        end ??= 'released';
      },
    };
  };

  const driver: TestDriver = {
    name: 'test',
    legs,
    up: true,
    onAct: async () => {},
    canResume: () => true,
    leg(callId) {
      const leg = legs.get(callId);
      if (!leg) throw new Error(`nothing was dialled for call ${callId}`);
      return leg;
    },
    isUp: () => driver.up,
    start: async (request) => open(request),
    resume: async (lost) => (driver.canResume(lost) ? open(lost) : null),
    async close() {},
  };
  return driver;
};
