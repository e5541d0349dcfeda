import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { AppError } from '@switchboard/contracts';
import { hashPassword, verifyPassword } from '@switchboard/service-kit';

/** argon2id, bounded: 19 MiB and 25 ms of a core each, so whoever sends many passwords must not take the machine. */
export interface Hashing {
  hash(password: string): Promise<string>;
  /** `phc` null: nobody has that password. It costs the same. */
  verify(password: string, phc: string | null): Promise<boolean>;
  /** How often argon2id ran, for metrics and for tests of what an answer costs. */
  readonly runs: number;
}

/** At 25 ms each and two at a time, the last of them waits a second and a half. */
const WAITING_MAX = 128;
const RETRY_AFTER_SECONDS = 2;

export const createHashing = (
  options: { readonly atOnce?: number; readonly waitingMax?: number } = {},
): Hashing => {
  // libuv has four threads; files and DNS need some of them.
  const { atOnce = Math.min(3, Math.max(1, availableParallelism() - 1)), waitingMax = WAITING_MAX } = options;
  const waiting: (() => void)[] = [];
  let running = 0;
  let runs = 0;

  const inTurn = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (running >= atOnce) {
      if (waiting.length >= waitingMax) {
        throw new AppError('SERVICE_UNAVAILABLE', {
          message: 'Too many people sign in at this moment: try again',
          headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
        });
      }
      // Whoever ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    runs += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };

  // Made at once: the first sign-in of an unknown address would otherwise take longer.
  const ofNobody = hashPassword(randomBytes(32).toString('base64url'));
  return {
    hash: (password) => inTurn(() => hashPassword(password)),
    async verify(password, phc) {
      const against = phc ?? (await ofNobody);
      const isRight = await inTurn(() => verifyPassword(password, against));
      return isRight && phc !== null;
    },
    get runs() {
      return runs;
    },
  };
};
