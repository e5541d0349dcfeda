import type { RouteContract } from '@switchboard/contracts';
import { TICKET_PARAMETER } from '../credentials/ticket.ts';
import { TOKEN_PARAMETER } from '../credentials/user.ts';

/** Query parameters that carry a credential. An access token goes nowhere, whether the route takes it or not. */
export const hiddenParametersOf = ({ credentials }: RouteContract): readonly string[] =>
  credentials.includes('ticket') ? [TOKEN_PARAMETER, TICKET_PARAMETER] : [TOKEN_PARAMETER];

const nameOf = (parameter: string): string => {
  const [name = ''] = parameter.split('=', 1);
  // As the gateway and the services read it: `%74icket` is a ticket.
  return [...new URLSearchParams(name).keys()][0] ?? '';
};

/**
 * Path and query as they came, without credentials; of a request in absolute form, without the scheme and host that the
 * caller made up.
 */
export const inwardPath = (url: string, hidden: readonly string[]): string => {
  const path = url.startsWith('/') ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, '') || '/';
  const at = path.indexOf('?');
  if (at === -1) return path;
  const query = path.slice(at + 1);
  if (!query.includes('%') && !hidden.some((name) => query.includes(name))) return path;
  const kept = query.split('&').filter((parameter) => !hidden.includes(nameOf(parameter)));
  return kept.length === 0 ? path.slice(0, at) : `${path.slice(0, at)}?${kept.join('&')}`;
};
