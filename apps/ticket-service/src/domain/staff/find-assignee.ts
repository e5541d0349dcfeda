import type { Bus } from '@switchboard/bus';
import { AppError, errors, identityRpcs, type UserRole } from '@switchboard/contracts';

export interface Assignee {
  readonly id: string;
  readonly name: string | null;
}

const STAFF: ReadonlySet<UserRole> = new Set(['agent', 'admin', 'super_admin']);
const ASK_TIMEOUT_MS = 3_000;

const refuse = (message: string) => errors.invalidInput([{ field: 'assignee_id', message }]);

/**
 * Who shall have a ticket in hand: somebody who may work on tickets and may sign in.
 *
 * @throws INVALID_INPUT that names assignee_id; SERVICE_UNAVAILABLE while nobody can be asked
 */
export const findAssignee = async (bus: Pick<Bus, 'request'>, userId: string): Promise<Assignee> => {
  const { user } = await bus
    .request(identityRpcs.findUser, { user_id: userId }, { timeoutMs: ASK_TIMEOUT_MS })
    .catch((error: unknown) => {
      throw new AppError('SERVICE_UNAVAILABLE', {
        message: 'Nobody can be asked right now who that is: try again',
        cause: error,
      });
    });
  if (!user) throw refuse('must be the id of a user');
  if (!STAFF.has(user.role)) throw refuse('must be an agent or administrator');
  if (user.disabled) throw refuse('must be somebody who is not disabled');
  return { id: user.id, name: user.name ?? user.email };
};
