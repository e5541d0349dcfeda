import type { RouteExample } from '../specs/examples.ts';
import { webhookBody } from './schemas.ts';

const AT = '2024-12-15T10:30:00.000Z';
const ENDPOINT = '0192f0c1-2b3c-7d4e-8f50-617283940a1f';
const DELIVERY = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';
const MESSAGE = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';

const feed: RouteExample = {
  params: { endpoint_id: ENDPOINT },
  answers: {
    200: {
      messages: [
        {
          sequence: 42,
          message_id: MESSAGE,
          delivery_id: DELIVERY,
          event_type: 'ticket.created',
          status: 'succeeded',
          body: webhookBody('ticket.created', new Date(AT), {
            ticket_id: MESSAGE,
            subject: 'The printer is on fire',
          }),
          created_at: AT,
        },
      ],
      next_after: 42,
      has_more: false,
      last_sequence: 42,
    },
  },
};

/** Requests and answers of webhooks as the API document shows them, by route id. */
export const webhookExamples: Readonly<Record<string, RouteExample>> = {
  'webhooks.messages.list': feed,
  'admin.webhooks.list_messages': feed,
};
