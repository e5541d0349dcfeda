import type { Clock } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { Config } from '../../../config.ts';
import type { TelephonyDriver } from '../driver.ts';

export interface LoopbackOptions {
  readonly media: Config['media'];
  readonly noAnswerSeconds: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** `loopback`: the far end is played by this process (spec: calls, "Telephony driver"). */
export const createLoopbackDriver = (_options: LoopbackOptions): TelephonyDriver => {
  throw new Error('to be written');
};
