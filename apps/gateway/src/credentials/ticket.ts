import {
  AppError,
  hashKey,
  hasValidChecksum,
  keyPrefixes,
  type RouteContract,
  redeemTicketRpc,
  type ServiceName,
} from '@switchboard/contracts';
import { type Admission, type Check, type Credential, RefusedCredential } from './credential.ts';
import { cannotCheck, createAskOwner, type LookupOptions } from './lookup.ts';
import { queryValues } from './presented.ts';

const HOW_TO_SEND = 'Use the URL with ?ticket=tk_… as an answer of ours gave it, within 10 minutes';
export const TICKET_PARAMETER = 'ticket';

const refused = (check: Check, reason: string) =>
  new RefusedCredential(
    new AppError('INVALID_CREDENTIAL', { message: 'The ticket is not valid (any more)' }),
    check,
    reason,
  );

const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/**
 * `ticket`: what opens one resource, in a URL that an answer of ours contained (spec: common contract). The service that
 * made it is asked every time, since a yes is spent by being said.
 */
export const createTicketCredential = (
  options: Pick<LookupOptions, 'bus' | 'log' | 'waitSeconds'>,
): Credential => {
  const askOwner = createAskOwner(options);
  const rpcs = new Map<ServiceName, ReturnType<typeof redeemTicketRpc>>();

  const rpcOf = ({ service }: RouteContract) => {
    if (service === 'gateway') throw new TypeError('the gateway makes no tickets');
    let rpc = rpcs.get(service);
    if (!rpc) {
      rpc = redeemTicketRpc(service);
      rpcs.set(service, rpc);
    }
    return rpc;
  };

  const redeem = async (ticket: string, url: string, route: RouteContract): Promise<Admission> => {
    const question = { ticket_hash: hashKey(ticket), path: pathOf(url) };
    const answer = await askOwner(rpcOf(route), question, true).catch((error: unknown) => {
      options.log.warn({ err: error, service: route.service }, 'a ticket cannot be looked up');
      throw cannotCheck(error);
    });
    if (!answer.ok) throw refused('lookup', answer.reason);
    return { principal: Object.freeze(answer.principal), limit: null, allowsAddress: () => true };
  };

  return {
    kind: 'ticket',
    headers: [],
    howToSend: HOW_TO_SEND,
    checks: ['presented', 'shape', 'lookup'],
    isPresented: (request) => queryValues(request, TICKET_PARAMETER).length > 0,
    admit(request, route, beforeAsking) {
      const [ticket = '', ...others] = queryValues(request, TICKET_PARAMETER);
      if (others.length > 0) throw refused('shape', 'repeated_parameter');
      if (!hasValidChecksum(ticket, keyPrefixes.ticket)) throw refused('shape', 'malformed_ticket');
      beforeAsking();
      return redeem(ticket, request.raw.url ?? '', route);
    },
    authorize(_route, principal) {
      if (principal.kind !== 'ticket') throw new TypeError('not a principal of this credential');
    },
    close() {},
  };
};
