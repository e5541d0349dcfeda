import type { Signing } from '../deliveries/types.ts';
import { headersContext, readHeaders, secretContext } from '../endpoints/endpoint-secrets.ts';
import { type Open, UnreadableError, unreadable } from './open-sealed.ts';

type Standard = Extract<Signing, { profile: 'standard' }>;

/**
 * Every live secret of an endpoint, the current one first. An old one that cannot be read is left out: its receiver has the
 * new one, or will have it.
 *
 * @throws UnreadableError when the current one cannot be read
 */
const openSecrets = (open: Open, { endpointId, secretsSealed }: Standard): readonly string[] => {
  if (secretsSealed.length === 0) throw new UnreadableError('the endpoint has no secret; rotate it');
  return secretsSealed.flatMap((sealed, index) => {
    try {
      return [open(sealed, secretContext(endpointId))];
    } catch (cause) {
      if (index > 0) return [];
      throw unreadable("the endpoint's secret", 'rotate it', cause);
    }
  });
};

/** @throws UnreadableError */
const openHeaders = (open: Open, { endpointId, headersSealed }: Standard) => {
  if (headersSealed === null) return {};
  try {
    return readHeaders(open(headersSealed, headersContext(endpointId)));
  } catch (cause) {
    throw unreadable("the endpoint's own headers", 'set them again', cause);
  }
};

/** What signs an attempt, and what else it carries, in plain. @throws UnreadableError */
export const openSigning = (open: Open, signing: Standard) => ({
  secrets: openSecrets(open, signing),
  headers: openHeaders(open, signing),
});
