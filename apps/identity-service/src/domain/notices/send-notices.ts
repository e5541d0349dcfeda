import type { DataOf, expiringSchema, leakedSchema, webhookEvents } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { queueMail } from '../mail/queue-mail.ts';
import { disabledNotice, expiryNotice, leakNotice } from './notice-texts.ts';

interface Reader {
  readonly id: string;
  readonly email: string;
}

/** Who shall be told: the owner, and every active super_admin where they are asked for. Each of them once. */
const findReaders = async (
  executor: Executor,
  { ownerId, withSuperAdmins }: { readonly ownerId: string | null; readonly withSuperAdmins: boolean },
): Promise<readonly Reader[]> => {
  const found = await sql<Reader>`
    SELECT id, email FROM identity.users
    WHERE email IS NOT NULL AND disabled_at IS NULL
      AND (id = ${ownerId} OR (${withSuperAdmins} AND role = 'super_admin'))
    ORDER BY id`.execute(executor);
  return found.rows;
};

type NoticeDeps = Pick<Deps, 'data' | 'secrets'>;

/** Tells the owner of a leaked credential, if anybody is known, and every super_admin. */
export const sendLeakNotices = async (
  tools: Tools<'identity'>,
  deps: NoticeDeps,
  noun: string,
  leaked: z.output<typeof leakedSchema>,
): Promise<void> => {
  const notice = leakNotice({ noun, ...leaked }, leaked.url);
  const readers = await findReaders(tools.trx, { ownerId: leaked.owner_user_id, withSuperAdmins: true });
  for (const { id, email } of readers) {
    await queueMail(tools, deps, { kind: 'credential_leaked', userId: id, toEmail: email, ...notice });
  }
};

/** Tells the owner of a credential that ends by itself soon; nobody where no owner is known. */
export const sendExpiryNotices = async (
  tools: Tools<'identity'>,
  deps: NoticeDeps,
  noun: string,
  expiring: z.output<typeof expiringSchema>,
): Promise<void> => {
  const { expires_at: expiresAt, days_left: daysLeft, owner_user_id: ownerId } = expiring;
  const notice = expiryNotice({ noun, ...expiring }, { expiresAt, daysLeft });
  for (const { id, email } of await findReaders(tools.trx, { ownerId, withSuperAdmins: false })) {
    await queueMail(tools, deps, { kind: 'credential_expiring', userId: id, toEmail: email, ...notice });
  }
};

/** Tells whoever made an endpoint that it was disabled; not when a person did it, who knows. */
export const sendDisabledNotices = async (
  tools: Tools<'identity'>,
  deps: NoticeDeps,
  disabled: DataOf<typeof webhookEvents.endpointDisabled>,
): Promise<void> => {
  const { reason, owner_user_id: ownerId } = disabled;
  if (reason === 'manual') return;
  const notice = disabledNotice({ ...disabled, reason });
  for (const { id, email } of await findReaders(tools.trx, { ownerId, withSuperAdmins: false })) {
    await queueMail(tools, deps, { kind: 'endpoint_disabled', userId: id, toEmail: email, ...notice });
  }
};
