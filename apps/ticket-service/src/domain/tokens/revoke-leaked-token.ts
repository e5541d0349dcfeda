import { type DataOf, type identityEvents, ticketEvents } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import { ownActOf } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { targetOf } from './change-token.ts';
import { updateToken } from './token-repository.ts';

type Report = DataOf<typeof identityEvents.leakReported>;

/**
 * Revokes a token that was found in public, whether by its secret or by the old one that an overlap still keeps alive.
 * One that nobody knows, or that is over already, changes nothing. True when one was revoked.
 */
export const revokeLeakedToken = async (
  { clock }: Pick<Data, 'clock'>,
  { trx, emit }: Tools<'tickets'>,
  report: Report,
): Promise<boolean> => {
  if (report.token_kind !== 'integration_token') return false;
  const now = clock.now();
  const token = await trx
    .selectFrom('integration_tokens')
    .select(['id', 'name', 'status', 'owner_user_id'])
    .where('status', '<>', 'revoked')
    .where((by) =>
      by.or([
        by('token_hash', '=', report.token_hash),
        by.and([
          by('previous_token_hash', '=', report.token_hash),
          by('previous_token_expires_at', '>', now),
        ]),
      ]),
    )
    .forUpdate()
    .executeTakeFirst();
  if (!token) return false;
  await updateToken(trx, token.id, { status: 'revoked', revoked_at: now, updated_at: now });
  emit(
    ticketEvents.adminActed,
    ownActOf({
      action: 'integration_token.revoke',
      target: targetOf(token),
      before: { status: token.status },
      after: { status: 'revoked', leak_report_id: report.report_id, leak_provider: report.provider },
    }),
  );
  emit(ticketEvents.tokenLeaked, {
    id: token.id,
    name: token.name,
    owner_user_id: token.owner_user_id,
    url: report.url,
  });
  return true;
};
