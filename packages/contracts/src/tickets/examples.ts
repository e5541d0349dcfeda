import type { RouteExample } from '../specs/examples.ts';

const AT = '2024-12-15T10:30:00.000Z';
const TOKEN = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';
const USER = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';

const health = { answers: { 200: { status: 'ok', endpoints: ['POST /tickets', 'GET /tickets/:id'] } } };

const stats = {
  total_requests: 1200,
  requests_this_hour: 12,
  requests_today: 140,
  error_count: 3,
  avg_response_time_ms: 14.2,
  p95_response_time_ms: 38.1,
  stored_bytes: 48213,
};
const token = {
  id: TOKEN,
  name: 'Helpdesk of Example Ltd',
  description: null,
  token_prefix: 'stk_4fKq9Z2b',
  status: 'active',
  owner_user_id: USER,
  rate_limit_per_hour: 1000,
  allowed_endpoints: ['*'],
  allowed_ips: [],
  metadata: {},
  expires_at: null,
  revoked_at: null,
  last_used_at: AT,
  previous_token_expires_at: null,
  previous_token_last_used_at: null,
  created_by: USER,
  created_at: AT,
  updated_at: AT,
  stats,
};
const withSecret = { ...token, token: 'stk_shown-once' };
const params = { token_id: TOKEN };
const one = { params, answers: { 200: token } };

const TICKET = '0192f0c1-2b3c-7d4e-8f50-617283940a30';
const COMMENT = '0192f0c1-2b3c-7d4e-8f50-617283940a34';
const ATTACHMENT = '0192f0c1-2b3c-7d4e-8f50-617283940a35';
const ticketParams = { ticket_id: TICKET };
const ticket = {
  id: TICKET,
  title: 'The printer is on fire',
  description: 'It is the one on the third floor.',
  status: 'open',
  priority: 'high',
  category: 'hardware',
  metadata: { floor: 3 },
  created_at: AT,
  updated_at: AT,
  resolved_at: null,
  closed_at: null,
};
const newTicket = {
  title: 'The printer is on fire',
  description: 'It is the one on the third floor.',
  priority: 'high',
  category: 'hardware',
  metadata: { floor: 3 },
};
const comment = { id: COMMENT, content: 'Somebody is on the way.', author: 'Support', created_at: AT };
const attachment = {
  id: ATTACHMENT,
  file_name: 'printer.jpg',
  content_type: 'image/jpeg',
  size_bytes: 48_211,
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  created_at: AT,
  url: `https://switchboard.example.com/functions/v1/integration-tickets/attachments/${ATTACHMENT}/content?expires=1734259800&signature=…`,
  url_expires_at: AT,
};
const change = {
  sequence: 1,
  id: '0192f0c1-2b3c-7d4e-8f50-617283940a31',
  type: 'ticket.created',
  ticket_id: TICKET,
  data: { ticket },
  at: AT,
};
const webhook = {
  id: '0192f0c1-2b3c-7d4e-8f50-617283940a36',
  url: 'https://example.com/webhooks',
  events: ['ticket.*'],
  status: 'enabled',
  disabled_reason: null,
  last_sequence: 0,
  created_at: AT,
};
const webhookParams = { endpoint_id: webhook.id };

const staffTicket = {
  ...ticket,
  token_id: TOKEN,
  integration_source: 'Helpdesk of Example Ltd',
  call_id: null,
  assignee: { id: USER, name: 'agent@example.com' },
  version: 3,
  sla: {
    running: true,
    first_response: {
      target_minutes: 120,
      due_at: null,
      met_at: '2024-12-15T10:45:00.000Z',
      breached_at: null,
    },
    resolution: { target_minutes: 960, due_at: '2024-12-17T10:30:00.000Z', met_at: null, breached_at: null },
  },
};
const staffComment = { ...comment, is_internal: false, author_kind: 'staff', author_id: USER };

export const ticketStaffExamples: Readonly<Record<string, RouteExample>> = {
  'admin.tickets.list': { answers: { 200: { tickets: [staffTicket], next_cursor: null } } },
  'admin.tickets.get': { params: ticketParams, answers: { 200: { ticket: staffTicket } } },
  'admin.tickets.update': {
    params: ticketParams,
    body: { assignee_id: USER },
    answers: { 200: { ticket: staffTicket } },
  },
  'admin.tickets.set_status': {
    params: ticketParams,
    body: { status: 'in_progress' },
    answers: { 200: { ticket: { ...staffTicket, status: 'in_progress' } } },
  },
  'admin.tickets.add_comment': {
    params: ticketParams,
    body: { content: 'Somebody is on the way.', is_internal: false },
    answers: { 201: { comment: staffComment } },
  },
  'admin.tickets.list_comments': {
    params: ticketParams,
    answers: { 200: { comments: [staffComment], next_cursor: null } },
  },
  'admin.tickets.get_history': {
    params: ticketParams,
    answers: {
      200: {
        entries: [
          {
            id: change.id,
            type: 'assigned',
            actor: { kind: 'staff', id: USER, name: 'agent@example.com' },
            sequence: null,
            changes: { assignee: { from: null, to: 'agent@example.com' } },
            comment_id: null,
            attachment_id: null,
            at: AT,
          },
        ],
        next_cursor: null,
      },
    },
  },
  'admin.tickets.list_attachments': {
    params: ticketParams,
    answers: { 200: { attachments: [attachment] } },
  },
};

export const ticketExamples: Readonly<Record<string, RouteExample>> = {
  ...ticketStaffExamples,
  'tickets.health.get': health,
  'tickets.health.get_with_slash': health,
  'tickets.tickets.create': { body: newTicket, answers: { 201: { ticket } } },
  'tickets.tickets.create_batch': {
    body: { tickets: [newTicket, { description: 'Without a title.' }] },
    answers: {
      200: {
        results: [
          { status: 201, ticket },
          {
            status: 400,
            error: { error: 'missing_required_field', message: 'Invalid input: title: is required' },
          },
        ],
      },
    },
  },
  'tickets.tickets.list': { answers: { 200: { tickets: [ticket], next_cursor: null } } },
  'tickets.changes.list': { answers: { 200: { changes: [change], next_cursor: '1' } } },
  'tickets.tickets.get': { params: ticketParams, answers: { 200: { ticket } } },
  'tickets.tickets.update': {
    params: ticketParams,
    body: { priority: 'urgent', metadata: { floor: null, room: '3.14' } },
    answers: { 200: { ticket: { ...ticket, priority: 'urgent', metadata: { room: '3.14' } } } },
  },
  'tickets.tickets.set_status': {
    params: ticketParams,
    body: { status: 'resolved' },
    answers: { 200: { success: true, ticket: { id: TICKET, status: 'resolved', updated_at: AT } } },
  },
  'tickets.comments.create': {
    params: ticketParams,
    body: { content: 'It still burns.', is_internal: false },
    answers: { 201: { comment_id: COMMENT } },
  },
  'tickets.comments.list': {
    params: ticketParams,
    answers: { 200: { comments: [comment], next_cursor: null } },
  },
  // A form: what is sent is a file's bytes, of which no document shows an example.
  'tickets.attachments.create': {
    params: ticketParams,
    body: { file: new Uint8Array() },
    answers: { 201: { attachment } },
  },
  'tickets.attachments.list': { params: ticketParams, answers: { 200: { attachments: [attachment] } } },
  'tickets.attachments.get_content': { params: { attachment_id: ATTACHMENT }, answers: {} },
  'tickets.webhooks.list': { answers: { 200: { webhooks: [webhook] } } },
  'tickets.webhooks.create': {
    body: { url: 'https://example.com/webhooks', events: ['ticket.*'] },
    answers: { 201: { webhook: { ...webhook, secret: 'whsec_c2hvd24gb25jZQ==' } } },
  },
  'tickets.webhooks.delete': { params: webhookParams, answers: {} },
  'tickets.webhooks.list_messages': {
    params: webhookParams,
    answers: { 200: { messages: [], next_after: 0, has_more: false, last_sequence: 0 } },
  },
  'admin.integration_tokens.list': { answers: { 200: { tokens: [token], next_cursor: null } } },
  'admin.integration_tokens.create': {
    body: {
      name: 'Helpdesk of Example Ltd',
      rate_limit_per_hour: 1000,
      allowed_endpoints: ['POST /tickets', 'GET /tickets/*'],
      allowed_ips: ['203.0.113.0/24'],
    },
    answers: { 201: withSecret },
  },
  'admin.integration_tokens.get': one,
  'admin.integration_tokens.update': { ...one, body: { rate_limit_per_hour: 5000, expires_at: null } },
  'admin.integration_tokens.delete': { params, answers: {} },
  'admin.integration_tokens.regenerate': {
    params,
    body: { overlap_seconds: 3600 },
    answers: { 200: withSecret },
  },
  'admin.integration_tokens.disable': { params, answers: { 200: { ...token, status: 'disabled' } } },
  'admin.integration_tokens.enable': one,
  'admin.integration_tokens.revoke': {
    params,
    answers: { 200: { ...token, status: 'revoked', revoked_at: AT } },
  },
  'admin.integration_tokens.list_usage': {
    params,
    answers: {
      200: {
        requests: [
          {
            id: '0192f0c1-2b3c-7d4e-8f50-617283940a1f',
            request_id: 'req-1',
            endpoint: '/functions/v1/integration-tickets',
            method: 'GET',
            status_code: 200,
            response_time_ms: 3.2,
            error_code: null,
            counted: true,
            repeated: 0,
            ip_address: '203.0.113.7',
            user_agent: 'curl/8.5.0',
            created_at: AT,
          },
        ],
        next_cursor: null,
      },
    },
  },
  'admin.integration_tokens.get_usage_summary': { params, answers: { 200: stats } },
};
