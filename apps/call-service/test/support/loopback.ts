import { randomUUID } from 'node:crypto';
import { systemClock } from '@switchboard/contracts';
import { createLog } from '@switchboard/service-kit';
import { waitFor } from '@switchboard/stack/testing';
import type {
  Leg,
  LegEvent,
  LegRequest,
  LostLeg,
  TelephonyDriver,
} from '../../src/domain/telephony/driver.ts';
import { createLoopbackDriver } from '../../src/domain/telephony/loopback/index.ts';
import type { LegTiming } from '../../src/domain/telephony/loopback/leg.ts';

export interface HeardLeg {
  readonly leg: Leg;
  readonly events: readonly LegEvent[];
  /** Names of the events, terminal ones with what they say. */
  readonly story: readonly string[];
  until(word: string): Promise<void>;
  /** Makes the offer, and gives the answer. */
  answerTo(sdp: string): Promise<string>;
}

const wordOf = (event: LegEvent): string => {
  if (event.type === 'hungUp') return `hungUp ${event.cause}`;
  return event.type === 'failed' ? `failed ${event.code}` : event.type;
};

/** A loopback driver in a hurry, over 127.0.0.1. */
export const openLoopback = (timing: Partial<LegTiming> = {}) => {
  const driver: TelephonyDriver = createLoopbackDriver({
    media: { addresses: ['127.0.0.1'], ports: undefined },
    noAnswerSeconds: 45,
    clock: systemClock,
    log: createLog({ service: 'call-service', level: 'silent' }),
    timing: { ringsAfterMs: 20, answersAfterMs: 60, hangsUpAfterMs: 80, noAnswerMs: 100, ...timing },
  });
  const told: string[] = [];
  const hear = async (
    phone: string,
    open: (request: LegRequest) => Promise<Leg | null>,
  ): Promise<HeardLeg> => {
    const events: LegEvent[] = [];
    const leg = await open({
      callId: randomUUID(),
      accountId: randomUUID(),
      name: 'John',
      phone,
      callType: 'audio',
      startedAt: new Date(),
      keep: async () => {},
      onEvent: (event) => {
        events.push(event);
        told.push(`${phone} ${wordOf(event)}`);
      },
    });
    if (leg === null) throw new Error('the leg is lost');
    return {
      leg,
      events,
      get story() {
        return events.map(wordOf);
      },
      until: async (word) =>
        void (await waitFor(() => events.some((event) => wordOf(event) === word), {
          what: `the leg to tell of ${word}`,
        })),
      async answerTo(sdp) {
        const answersOf = () => events.flatMap((event) => (event.type === 'answer' ? [event.sdp] : []));
        const { length } = answersOf();
        await leg.offer(sdp);
        const answer = answersOf()[length];
        if (answer === undefined) throw new Error('the offer was not answered');
        return answer;
      },
    };
  };
  return {
    driver,
    /** What all legs told, in order: `+12025550123 ringing`. */
    told: told as readonly string[],
    start: (phone = '+12025550123') => hear(phone, (request) => driver.start(request)),
    resume: (lost: Partial<LostLeg>, phone = '+12025550123') =>
      hear(phone, (request) =>
        driver.resume({
          reference: null,
          status: 'initializing',
          hasMedia: false,
          isMuted: false,
          isOnHold: false,
          ringingAt: null,
          connectedAt: null,
          ...request,
          ...lost,
        }),
      ),
  };
};
