import type { IncomingMessage } from 'node:http';
import type { Ids } from '@switchboard/contracts';

export const REQUEST_ID_HEADER = 'x-request-id';

// What is echoed in a header and written into logs and tables: short, and no character that means something there.
const SANE = /^[A-Za-z0-9._:+/=@-]{1,128}$/;

/** The caller's request id if it is sane, else one of ours. */
export const requestIdOf = (request: Pick<IncomingMessage, 'headers'>, ids: Ids): string => {
  const given = request.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && SANE.test(given) ? given : ids.next();
};
