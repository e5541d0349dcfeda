import type { RouteExample } from '../specs/examples.ts';
import { endpointExamples } from './endpoint-examples.ts';
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

const REPLAY = '0192f0c1-2b3c-7d4e-8f50-617283940a22';
const ticketDelivery = {
  id: DELIVERY,
  message_id: MESSAGE,
  event_type: 'ticket.created',
  owner: 'account:0192f0c1-2b3c-7d4e-8f50-617283940a20',
  environment: 'production',
  profile: 'standard',
  endpoint_id: ENDPOINT,
  sequence: 42,
  url: 'https://example.com/webhooks',
  status: 'exhausted',
  attempt_count: 8,
  next_attempt_at: null,
  replay_id: null,
  created_at: AT,
  finished_at: '2024-12-16T14:05:05.000Z',
};
const failedAttempt = {
  attempt_number: 8,
  outcome: 'failed',
  http_status: 500,
  answer_headers: { 'content-type': 'text/plain' },
  answer_body: 'out of order',
  duration_ms: 41,
  error: 'HTTP 500',
  replay_id: null,
  attempted_at: '2024-12-16T14:05:05.000Z',
};
const replay = {
  id: REPLAY,
  kind: 'replay',
  status: 'running',
  filter: { endpoint_id: ENDPOINT, from: '2024-12-15', statuses: ['exhausted'] },
  rate_per_second: 50,
  total: 1200,
  scheduled: 350,
  successful: 331,
  failed: 0,
  skipped: 2,
  created_by: '0192f0c1-2b3c-7d4e-8f50-617283940a21',
  created_at: '2024-12-17T08:00:00.000Z',
  finished_at: null,
};
const newReplay = { ...replay, scheduled: 0, successful: 0, skipped: 0 };
const deliveryParams = { delivery_id: DELIVERY };
const replayParams = { replay_id: REPLAY };

/** Deliveries and their replays. */
const deliveryExamples: Readonly<Record<string, RouteExample>> = {
  'admin.webhooks.list_deliveries': {
    answers: { 200: { deliveries: [ticketDelivery], next_cursor: null } },
  },
  'admin.webhooks.get_delivery': {
    params: deliveryParams,
    answers: {
      200: {
        ...ticketDelivery,
        body: webhookBody('ticket.created', new Date(AT), {
          ticket_id: MESSAGE,
          subject: 'The printer is on fire',
        }),
        last_attempt: failedAttempt,
      },
    },
  },
  'admin.webhooks.list_attempts': {
    params: deliveryParams,
    answers: { 200: { attempts: [failedAttempt], next_before: 8 } },
  },
  'admin.webhooks.replay_delivery': {
    params: deliveryParams,
    answers: {
      202: { delivery_id: DELIVERY, status: 'scheduled', attempt_number: 9, replay_id: REPLAY },
    },
  },
  'admin.webhooks.create_replay': {
    body: { endpoint_id: ENDPOINT, from: '2024-12-15', rate_per_second: 50 },
    answers: { 200: { dry_run: true, total: 1200, expired: 2 }, 202: newReplay },
  },
  'admin.webhooks.list_replays': { answers: { 200: { replays: [replay], next_cursor: null } } },
  'admin.webhooks.get_replay': { params: replayParams, answers: { 200: replay } },
  'admin.webhooks.cancel_replay': {
    params: replayParams,
    answers: { 200: { ...replay, status: 'cancelled', finished_at: '2024-12-17T08:00:07.000Z' } },
  },
  'partner.webhooks.list_deliveries': {
    answers: {
      200: {
        deliveries: [
          {
            id: DELIVERY,
            job_id: MESSAGE,
            webhook_url: 'https://partner.com/webhook/callback',
            status: 'exhausted',
            attempt_count: 3,
            next_attempt_at: null,
            last_attempt: {
              attempt_number: 3,
              http_status: null,
              error_message: 'connection refused',
              duration_ms: 3,
              attempted_at: '2024-12-15T10:36:00.000Z',
            },
            created_at: AT,
            finished_at: '2024-12-15T10:36:00.000Z',
          },
        ],
        next_cursor: null,
      },
    },
  },
  'partner.webhooks.retry_delivery': {
    params: deliveryParams,
    answers: { 200: { delivery_id: DELIVERY, status: 'scheduled', attempt_number: 4 } },
  },
};

/** Requests and answers of webhooks as the API document shows them, by route id. */
export const webhookExamples: Readonly<Record<string, RouteExample>> = {
  ...endpointExamples,
  ...deliveryExamples,
  'webhooks.messages.list': feed,
  'admin.webhooks.list_messages': feed,
};
