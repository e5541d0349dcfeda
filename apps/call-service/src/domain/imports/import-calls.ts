import { callEvents, type importCallsAnswer, type importCallsBody } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { countCalls } from '../logs/figures-repository.ts';
import { findOwn, insertImported, insertImportedFrames } from './import-repository.ts';
import { type ImportedCall, readImportedCall } from './read-imported-call.ts';

type Answer = z.output<typeof importCallsAnswer>;

interface Numbered {
  readonly index: number;
  /** As it was given; null where there is none. */
  readonly callId: string | null;
  readonly call: ImportedCall;
}

const CALL_ID_CHARACTERS_MAX = 200;

const givenId = (value: unknown): string | null => {
  if (typeof value !== 'object' || value === null || !('callId' in value)) return null;
  return typeof value.callId === 'string'
    ? value.callId.slice(0, CALL_ID_CHARACTERS_MAX).toWellFormed()
    : null;
};

/**
 * Takes in calls of an earlier deployment, for an account. What is wrong with one is told, and the others are taken; what is
 * there already is left as it is, so that the same can be sent again after whatever went wrong. Figures and the record of the
 * act are in the same transaction. No events of calls: nothing happens now.
 */
export const importCalls = (
  data: Data,
  admin: AdminContext,
  { account_id, calls }: z.output<typeof importCallsBody>,
): Promise<Answer> => {
  const accountId = account_id.toLowerCase();
  const now = data.clock.now();
  const refused: Answer['refused'] = [];
  const taken = new Map<string, Numbered>();
  let repeated = 0;
  for (const [index, value] of calls.entries()) {
    const callId = givenId(value);
    const call = readImportedCall(accountId, value, now);
    if (typeof call === 'string') refused.push({ index, callId, message: call });
    else if (taken.has(call.id)) repeated += 1;
    else taken.set(call.id, { index, callId, call });
  }
  return transact(data, async ({ trx, emit }) => {
    const all = [...taken.values()];
    const stored = await insertImported(
      trx,
      accountId,
      all.map(({ call }) => call),
    );
    const imported = all.flatMap(({ call }) => (stored.has(call.id) ? [call] : []));
    const others = all.filter(({ call }) => !stored.has(call.id));
    const own = await findOwn(
      trx,
      accountId,
      others.map(({ call }) => call.id),
    );
    await insertImportedFrames(trx, imported);
    await countCalls(trx, accountId, imported);
    const foreign = others.flatMap(({ index, callId, call }) =>
      own.has(call.id)
        ? []
        : [{ index, callId, message: 'callId: cannot be used, give the call another one' }],
    );
    const answer: Answer = {
      imported: imported.length,
      skipped: own.size + repeated,
      refused: [...refused, ...foreign].sort((one, other) => one.index - other.index),
    };
    // Sent again, it has nothing to do, and leaves no record of doing it.
    if (imported.length > 0) {
      emit(
        callEvents.adminActed,
        adminActOf(admin, {
          action: 'call.import',
          target: { type: 'account', id: accountId, name: null },
          before: null,
          after: { imported: answer.imported, skipped: answer.skipped, refused: answer.refused.length },
        }),
      );
    }
    return answer;
  });
};
