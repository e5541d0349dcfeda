import { errors } from '@switchboard/contracts';

const EMAIL_CHARACTERS_MAX = 254;
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const LOCAL_PART_CHARACTERS_MAX = 64;
const DOMAIN = /^(?!-)[\p{L}\p{M}\p{N}-]{1,63}(?<!-)(?:\.(?!-)[\p{L}\p{M}\p{N}-]{1,63}(?<!-))*$/u;

/** The one form of an address in which it is stored, compared and counted; null when it is none. */
export const normalizeEmail = (text: string): string | null => {
  if (text.length > 2 * EMAIL_CHARACTERS_MAX) return null;
  const email = text.normalize('NFC').trim().toLowerCase();
  const at = email.lastIndexOf('@');
  const local = email.slice(0, Math.max(0, at));
  const isEmail =
    email.length <= EMAIL_CHARACTERS_MAX &&
    local.length <= LOCAL_PART_CHARACTERS_MAX &&
    LOCAL_PART.test(local) &&
    DOMAIN.test(email.slice(at + 1));
  return isEmail ? email : null;
};

/** @throws INVALID_INPUT for what is no address */
export const requireEmail = (text: string): string => {
  const email = normalizeEmail(text);
  if (email !== null) return email;
  throw errors.invalidInput([{ field: 'email', message: 'must be an e-mail address' }]);
};
