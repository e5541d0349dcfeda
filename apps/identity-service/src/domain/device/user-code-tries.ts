import { transact } from '@switchboard/db';
import { addressGroup } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { type DeviceAuthorization, findByUserCode } from './device-repository.ts';
import { hashUserCode, readUserCode } from './user-code.ts';

export const WRONG_TRIES_MAX = 5;
const WAIT_SECONDS = 10 * 60;

/** Counts a try before it is known to be wrong, and locks the row: tries at once, on any replica, come one by one. */
const takeTry = async (executor: Executor, address: string, at: Date, until: Date): Promise<number> => {
  const taken = await sql<{ tries: number }>`
    INSERT INTO identity.user_code_tries AS tries (address, wrong_tries, counts_until)
    VALUES (${address}, 1, ${until})
    ON CONFLICT (address) DO UPDATE SET
      wrong_tries = CASE WHEN tries.counts_until <= ${at} THEN 1 ELSE tries.wrong_tries + 1 END,
      counts_until = CASE
        WHEN tries.counts_until > ${at} AND tries.wrong_tries >= ${WRONG_TRIES_MAX} THEN tries.counts_until
        ELSE ${until}::timestamptz
      END
    RETURNING wrong_tries AS tries
  `.execute(executor);
  return taken.rows[0]?.tries ?? 0;
};

const giveTryBack = async (executor: Executor, address: string): Promise<void> => {
  await sql`
    UPDATE identity.user_code_tries SET wrong_tries = wrong_tries - 1 WHERE address = ${address}
  `.execute(executor);
};

export type UserCodeFinding =
  | { readonly kind: 'found'; readonly authorization: DeviceAuthorization }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'wait'; readonly seconds: number };

/**
 * The device that waits under a code that somebody typed. After five wrong codes from an address nothing is looked up
 * for ten minutes, right or wrong; a right one does not wipe out the wrong ones, or a guesser would put in his own now
 * and then.
 */
export const findTypedCode = (
  { data, secrets }: Pick<Deps, 'data' | 'secrets'>,
  typed: string,
  ip: string | null,
): Promise<UserCodeFinding> =>
  transact(data, async ({ trx }): Promise<UserCodeFinding> => {
    const at = data.clock.now();
    const address = addressGroup(ip ?? '');
    const tries = await takeTry(trx, address, at, new Date(at.getTime() + WAIT_SECONDS * 1000));
    if (tries > WRONG_TRIES_MAX) {
      const row = await sql<{ until: Date }>`
        UPDATE identity.user_code_tries SET wrong_tries = ${WRONG_TRIES_MAX} WHERE address = ${address}
        RETURNING counts_until AS until
      `.execute(trx);
      const leftMs = (row.rows[0]?.until ?? at).getTime() - at.getTime();
      return { kind: 'wait', seconds: Math.max(1, Math.ceil(leftMs / 1000)) };
    }
    const code = readUserCode(typed);
    const authorization = code === null ? null : await findByUserCode(trx, hashUserCode(secrets, code), at);
    if (!authorization) return { kind: 'wrong' };
    await giveTryBack(trx, address);
    return { kind: 'found', authorization };
  });
