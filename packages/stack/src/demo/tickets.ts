import { type ApiClient, createApiClient, findIn } from './api-client.ts';

/** As an outside system, with the token of the guide. */
export const createTicketsClient = (baseUrl: string, integrationToken: string): ApiClient =>
  createApiClient(ticketsUrl(baseUrl), { authorization: `Bearer ${integrationToken}` });

/** INTEGRATION_URL of the guide. */
export const ticketsUrl = (baseUrl: string): string => `${baseUrl}/functions/v1/integration-tickets`;

interface DemoTicket {
  ticket: Record<string, unknown>;
  /** What those who work on tickets write, before the status changes. */
  comments: { content: string; is_internal: boolean }[];
  status?: string;
}

const TICKETS: readonly DemoTicket[] = [
  {
    ticket: {
      title: 'Two invoices for one order',
      description: 'Order 4711 was charged twice, on the first and on the third of the month.',
      priority: 'medium',
      category: 'billing',
      metadata: { order: 4711 },
    },
    comments: [{ content: 'You are right. The second one is cancelled.', is_internal: false }],
    status: 'resolved',
  },
  {
    ticket: {
      title: 'Please add a colleague to our account',
      description: 'She needs to see the reports, nothing else.',
      priority: 'low',
      category: 'account',
    },
    comments: [{ content: 'Which e-mail address does she sign in with?', is_internal: false }],
    status: 'waiting',
  },
  {
    ticket: {
      title: 'Nobody can sign in since this morning',
      description: 'Three of us tried, in two browsers. The page says "Invalid token".',
      priority: 'urgent',
      category: 'account',
      metadata: { affected_users: 3 },
    },
    comments: [
      { content: 'We are looking into it.', is_internal: false },
      { content: 'Their token was rotated last night. Ask Dana before telling them.', is_internal: true },
    ],
    status: 'in_progress',
  },
  {
    ticket: {
      title: 'The printer is on fire',
      description: 'Third floor, beside the stairs.',
      priority: 'high',
      category: 'hardware',
    },
    comments: [],
  },
];

/** At the first start: tickets in several states, which the demo token sees without the internal note of those who work on them. */
export async function provideDemoTickets(
  tickets: ApiClient,
  clients: { admin: ApiClient; calls: ApiClient },
): Promise<void> {
  if (findIn(await tickets.get('/tickets?limit=1'), 'tickets', () => true)) return;
  for (const { ticket, comments, status } of TICKETS) {
    const made = await tickets.post('/tickets', ticket);
    const path = `/tickets/${idOf(made.ticket)}`;
    for (const comment of comments) await clients.admin.post(`${path}/comments`, comment);
    if (status) await clients.admin.patch(`${path}/status`, { status });
  }
  await openTicketOfCall(clients.calls);
}

/** About the newest call of the demo account. It belongs to those who work on tickets, and to no token. */
async function openTicketOfCall(calls: ApiClient): Promise<void> {
  const { data } = await calls.get('/call-logs?limit=1');
  const call = findIn(Object(data), 'calls', () => true);
  if (!call) return;
  await calls.post(`/calls/${String(call.callId)}/support-tickets`, {
    title: `Call ${String(call.customerName)} back`,
    priority: 'high',
    category: 'calls',
  });
}

function idOf(ticket: unknown): string {
  if (typeof ticket === 'object' && ticket !== null && 'id' in ticket) return String(ticket.id);
  throw new Error('the answer has no ticket');
}
