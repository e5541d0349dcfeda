import type { Clock } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { Config } from '../../../config.ts';
import type { TelephonyDriver } from '../driver.ts';
import { createLeg, type LegTiming, type LoopbackLeg } from './leg.ts';
import { createMediaPort } from './media/port.ts';

export interface LoopbackOptions {
  readonly media: Pick<Config['media'], 'addresses' | 'ports'>;
  readonly noAnswerSeconds: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Other than the spec's: tests do not wait for long. */
  readonly timing?: Partial<LegTiming>;
}

/**
 * `loopback`: the far end is played by this process (spec: calls, "Telephony driver"). It rings, answers, and echoes the
 * audio of whoever calls; nothing is sent to any telephone.
 *
 * A call without audio is taken over from a process that died, and goes on in time; the keys of audio died with it.
 */
export const createLoopbackDriver = (options: LoopbackOptions): TelephonyDriver => {
  const { media, clock, log } = options;
  const port = createMediaPort({ addresses: media.addresses, ports: media.ports, log });
  const legs = new Set<LoopbackLeg>();
  const timing: LegTiming = {
    ringsAfterMs: 300,
    answersAfterMs: 1_000,
    hangsUpAfterMs: 3_000,
    noAnswerMs: options.noAnswerSeconds * 1_000,
    mediaUpMs: 10_000,
    mediaGoneMs: 15_000,
    ...options.timing,
  };
  const begin = (
    ...[request, progress]: [Parameters<typeof createLeg>[0], Parameters<typeof createLeg>[2]?]
  ) => {
    const leg = createLeg(request, { port, clock, timing, onOver: () => legs.delete(leg) }, progress);
    legs.add(leg);
    return leg;
  };
  return {
    name: 'loopback',
    isUp: () => true,
    start: async (request) => begin(request),
    resume: async (lost) => (lost.hasMedia ? null : begin(lost, lost)),
    async close() {
      for (const leg of [...legs]) leg.letGo();
      await port.close();
    },
  };
};
