import { AppError, type Principal } from '@switchboard/contracts';
import type { Call } from '../database.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whatever else is asked for as an id names no call. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** What names one of our topics: ids as we write them, so that one call is never two topics. */
export const isCallTopic = (id: string): boolean => isUuid(id) && id === id.toLowerCase();

/**
 * Whose calls somebody sees. Keys of an account share its calls. So do the people of an account: administrators set a
 * user's business id to the account's. Users of no account have calls of their own.
 *
 * @throws CALL_NOT_FOUND for kinds of principals that have no calls
 */
export const accountOf = (principal: Principal): string => {
  switch (principal.kind) {
    case 'api_key':
      return principal.account_id.toLowerCase();
    case 'user': {
      const { business_id, user_id } = principal;
      return (business_id !== null && isUuid(business_id) ? business_id : user_id).toLowerCase();
    }
    case 'ticket':
      return principal.owner_id;
    default:
      throw new AppError('CALL_NOT_FOUND');
  }
};

/** Who started a call: what its row keeps. */
export const starterOf = (principal: Extract<Principal, { kind: 'api_key' | 'user' }>): string =>
  principal.kind === 'api_key' ? principal.key_id : principal.user_id;

/** Whether somebody may follow a call and send commands to it; a ticket opens the one call that it was made for. */
export const mayFollow = (principal: Principal, call: Pick<Call, 'id' | 'account_id'>): boolean => {
  switch (principal.kind) {
    case 'ticket': {
      const { resource, owner_id } = principal;
      return resource.type === 'call' && resource.id === call.id && owner_id === call.account_id;
    }
    case 'api_key':
    case 'user':
      return accountOf(principal) === call.account_id;
    default:
      return false;
  }
};
