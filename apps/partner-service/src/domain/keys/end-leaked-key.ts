import { type DataOf, type identityEvents, partnerEvents } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import { ownActOf } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { keyAct } from './key-act.ts';
import { lockKeysByHash, markRevoked } from './key-repository.ts';
import { ownerOf } from './owner.ts';

/**
 * Ends the key that was found in public and has its owner told. A key that is revoked already stays as it is, however
 * often it is found. Gives how many it ended.
 */
export const endLeakedKey = async (
  { clock }: Pick<Data, 'clock'>,
  { trx, emit }: Tools<'partner'>,
  report: DataOf<typeof identityEvents.leakReported>,
): Promise<number> => {
  const { token_kind: kind, token_hash: hash, url } = report;
  if (kind !== 'partner_key' && kind !== 'partner_secret') return 0;
  const now = clock.now();
  const found = await lockKeysByHash(trx, { kind, hash }, now);
  const leaked = found.filter((key) => key.revokedAt === null);
  for (const key of leaked) {
    await markRevoked(trx, key.id, now);
    emit(
      partnerEvents.adminActed,
      ownActOf(
        keyAct('revoke', key, {
          before: { is_active: key.isActive },
          after: { is_active: false, reason: 'leaked', found_at: url, reported_by: report.provider },
        }),
      ),
    );
    emit(partnerEvents.keyLeaked, {
      id: key.id,
      name: key.partnerName,
      owner_user_id: ownerOf(key.createdBy),
      url,
    });
  }
  return leaked.length;
};
