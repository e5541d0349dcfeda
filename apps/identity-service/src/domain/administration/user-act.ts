import { identityEvents } from '@switchboard/contracts';
import type { Emit } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { UserRecord } from '../users/user-repository.ts';

/** Writes down what was done to a user, in the transaction that did it. */
export const emitUserAct = (
  emit: Emit,
  admin: AdminContext,
  action: string,
  user: UserRecord,
  changes: {
    readonly before: Record<string, unknown> | null;
    readonly after: Record<string, unknown> | null;
  },
): string =>
  emit(
    identityEvents.adminActed,
    adminActOf(admin, { action, target: { type: 'user', id: user.id, name: user.email }, ...changes }),
  );
