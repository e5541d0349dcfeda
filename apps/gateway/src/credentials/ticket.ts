import {
  AppError,
  hashKey,
  hasValidChecksum,
  keyPrefixes,
  type RouteContract,
  redeemTicketRpc,
  type ServiceName,
} from '@switchboard/contracts';
import { LRUCache } from 'lru-cache';
import { type Admission, type Check, type Credential, RefusedCredential } from './credential.ts';
import { cannotCheck, createAskOwner, type LookupOptions } from './lookup.ts';
import { queryValues } from './presented.ts';

const HOW_TO_SEND = 'Use the URL with ?ticket=tk_… as an answer of ours gave it, within 10 minutes';
export const TICKET_PARAMETER = 'ticket';

/** Reconnecting with growing pauses needs a dozen. */
const USES_PER_MINUTE_MAX = 120;
const TICKETS_MAX = 50_000;

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
  options: Pick<LookupOptions, 'bus' | 'clock' | 'log' | 'waitSeconds'>,
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

  const uses = new LRUCache<string, { count: number; readonly untilMs: number }>({ max: TICKETS_MAX });

  /** Before its owner is asked, who writes each use down: limits come afterwards, when it is known whose it is. */
  const countUse = (ticketHash: string): void => {
    const nowMs = options.clock.now().getTime();
    let used = uses.get(ticketHash);
    if (!used || used.untilMs <= nowMs) {
      used = { count: 0, untilMs: nowMs + 60_000 };
      uses.set(ticketHash, used);
    }
    used.count += 1;
    if (used.count > USES_PER_MINUTE_MAX) {
      throw new AppError('RATE_LIMIT_EXCEEDED', { message: 'This ticket is used too often: wait a minute' });
    }
  };

  const redeem = async (ticket: string, url: string, route: RouteContract): Promise<Admission> => {
    const question = { ticket_hash: hashKey(ticket), path: pathOf(url) };
    countUse(question.ticket_hash);
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
