import type { IntegrationTokenPrincipal, UserPrincipal } from '@switchboard/contracts';
import {
  type Answer,
  type CallOptions,
  SURFACE,
  type TestTickets,
  tokenPrincipal,
  userOf,
} from './tickets.ts';

type Method = Parameters<TestTickets['call']>[1];

/** What a token asks of the surface, and what staff does, in few words. */
export interface Outside {
  readonly principal: IntegrationTokenPrincipal;
  ask(method: Method, path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  /** Opens a ticket and gives its id. */
  open(fields?: Record<string, unknown>): Promise<string>;
}

export const outside = async (tickets: TestTickets, name = 'Helpdesk'): Promise<Outside> => {
  const { id } = await tickets.makeToken({ name });
  const principal = { ...tokenPrincipal(id), token_name: name };
  const ask: Outside['ask'] = (method, path, body, options = {}) =>
    tickets.call(principal, method, `${SURFACE}${path}`, { ...options, body });
  return {
    principal,
    ask,
    async open(fields = {}) {
      const made = await ask('POST', '/tickets', { title: 'The printer is on fire', ...fields });
      if (made.status !== 201) throw new Error(`no ticket was opened: ${JSON.stringify(made.body)}`);
      return made.body.ticket.id;
    },
  };
};

export const agentOf = (tickets: TestTickets): UserPrincipal => userOf('agent', tickets.data.ids.next());
