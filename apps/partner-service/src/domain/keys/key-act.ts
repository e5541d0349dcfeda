import type { AdminAct } from '@switchboard/contracts';
import type { KeyRecord } from './key-repository.ts';

/** An act on a key, as the audit log names it. */
export const keyAct = (
  verb: 'create' | 'update' | 'rotate' | 'revoke' | 'retry_webhooks',
  key: Pick<KeyRecord, 'id' | 'partnerName'>,
  change: Pick<AdminAct, 'before' | 'after'>,
): Pick<AdminAct, 'action' | 'target' | 'before' | 'after'> => ({
  action: `partner_key.${verb}`,
  target: { type: 'partner_key', id: key.id, name: key.partnerName },
  ...change,
});
