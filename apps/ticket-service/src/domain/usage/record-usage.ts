import type { RequestRecord } from '@switchboard/contracts';
import { isUuid } from '@switchboard/service-kit';
import type { Data, Executor } from '../database.ts';
import { rollUp, toUsageRow } from './roll-up.ts';
import { addFigures, findKnownTokens, insertUsage, touchTokens } from './usage-repository.ts';

const tokenIdOf = ({ credential_kind: kind, credential_id: id }: RequestRecord): string | null =>
  kind === 'integration_token' && id !== null && isUuid(id) ? id.toLowerCase() : null;

/**
 * Keeps what tokens asked for, refused requests too, and adds it to their figures. Requests with a credential that
 * nobody knows belong to no token and are not kept: whoever invents keys must not fill our disk.
 */
export const recordUsage = async (
  { ids }: Pick<Data, 'ids'>,
  trx: Executor,
  records: readonly RequestRecord[],
): Promise<void> => {
  const asked = new Set(records.map(tokenIdOf).filter((id) => id !== null));
  const known = await findKnownTokens(trx, [...asked]);
  const rows = records.flatMap((record) => {
    const tokenId = tokenIdOf(record);
    return tokenId !== null && known.has(tokenId) ? [toUsageRow(tokenId, record)] : [];
  });
  if (rows.length === 0) return;
  await insertUsage(trx, ids, rows);
  await addFigures(trx, rollUp(rows));
  await touchTokens(trx, rows);
};
