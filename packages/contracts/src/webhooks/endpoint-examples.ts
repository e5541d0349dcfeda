import type { RouteExample } from '../specs/examples.ts';

/** Endpoints, their secrets, the platform's keys, and the explanation of a signature, as the API document shows them. */

const AT = '2024-12-15T10:30:00.000Z';
const ENDPOINT = '0192f0c1-2b3c-7d4e-8f50-617283940a1f';
const DELIVERY = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';
const MESSAGE = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const SECRET = 'whsec_shown-once';
const params = { endpoint_id: ENDPOINT };

const settings = {
  url: 'https://example.com/webhooks',
  description: 'Tickets for the CRM',
  event_types: ['ticket.*'],
  schedule_seconds: null,
  rate_per_second: 50,
  concurrency: 20,
};
const endpoint = {
  id: ENDPOINT,
  owner: 'account:0192f0c1-2b3c-7d4e-8f50-617283940a20',
  environment: 'production',
  ...settings,
  header_names: ['authorization'],
  status: 'enabled',
  disabled_reason: null,
  disabled_at: null,
  secrets: [{ id: '0192f0c1-2b3c-7d4e-8f50-617283940a23', created_at: AT, expires_at: null }],
  last_sequence: 42,
  health: {
    failing_since: null,
    consecutive_failures: 0,
    last_success_at: AT,
    last_failure_at: null,
    last_error: null,
    circuit_open_until: null,
  },
  created_at: AT,
  updated_at: AT,
};
const made = {
  ...endpoint,
  last_sequence: 0,
  health: { ...endpoint.health, last_success_at: null },
  secret: SECRET,
};
const rotated = {
  ...endpoint,
  secrets: [
    { id: '0192f0c1-2b3c-7d4e-8f50-617283940a24', created_at: '2024-12-16T08:00:00.000Z', expires_at: null },
    { ...endpoint.secrets[0], expires_at: '2024-12-17T08:00:00.000Z' },
  ],
  secret: SECRET,
};
const disabled = {
  ...endpoint,
  status: 'disabled',
  disabled_reason: 'failing',
  disabled_at: '2024-12-20T10:30:00.000Z',
};

// The public key of RFC 8037, appendix A.
const signingKey = {
  id: '0192f0c1-2b3c-7d4e-8f50-617283940a25',
  public_key: 'whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
  created_at: AT,
  expires_at: null,
};

export const endpointExamples: Readonly<Record<string, RouteExample>> = {
  'admin.webhooks.list_endpoints': { answers: { 200: { endpoints: [endpoint], next_cursor: null } } },
  'admin.webhooks.create_endpoint': {
    body: {
      owner: endpoint.owner,
      url: settings.url,
      description: settings.description,
      event_types: settings.event_types,
      rate_per_second: settings.rate_per_second,
      headers: { authorization: 'Bearer what-the-receiver-wants-to-see' },
    },
    answers: { 201: made },
  },
  'admin.webhooks.get_endpoint': { params, answers: { 200: endpoint } },
  'admin.webhooks.update_endpoint': {
    params,
    body: { event_types: ['ticket.*', 'call.ended'] },
    answers: { 200: { ...endpoint, event_types: ['ticket.*', 'call.ended'] } },
  },
  'admin.webhooks.delete_endpoint': { params, answers: {} },
  'admin.webhooks.rotate_secret': {
    params,
    body: { overlap_seconds: 86_400 },
    answers: { 200: rotated },
  },
  'admin.webhooks.disable_endpoint': {
    params,
    answers: { 200: { ...disabled, disabled_reason: 'manual' } },
  },
  'admin.webhooks.enable_endpoint': {
    params,
    body: { send_missed: true, rate_per_second: 50 },
    answers: {
      200: {
        endpoint,
        replay: {
          id: '0192f0c1-2b3c-7d4e-8f50-617283940a22',
          kind: 'missed',
          status: 'running',
          filter: { endpoint_id: ENDPOINT, statuses: ['held'] },
          rate_per_second: 50,
          total: 1200,
          scheduled: 0,
          successful: 0,
          failed: 0,
          skipped: 0,
          created_by: '0192f0c1-2b3c-7d4e-8f50-617283940a21',
          created_at: '2024-12-21T08:00:00.000Z',
          finished_at: null,
        },
      },
    },
  },
  'admin.webhooks.test_endpoint': {
    params,
    answers: { 202: { message_id: MESSAGE, delivery_id: DELIVERY } },
  },
  'admin.webhooks.verify_signature': {
    body: {
      endpoint_id: ENDPOINT,
      headers: {
        'webhook-id': MESSAGE,
        'webhook-timestamp': '1734258600',
        'webhook-signature': 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
      },
      body: '{"type":"ticket.created", "data":{}}',
    },
    answers: {
      200: {
        valid: false,
        steps: [
          {
            step: 'headers',
            ok: true,
            detail: 'All headers are there and well-formed; signatures: 1 v1',
          },
          {
            step: 'clock',
            ok: true,
            detail:
              'Signed 12 s ago for attempt 1, which is on record at that time; a receiver takes 300 s either way',
          },
          {
            step: 'message',
            ok: true,
            detail: `It is on record as sent to endpoint ${ENDPOINT}: exhausted, 8 attempts, delivery ${DELIVERY}`,
          },
          {
            step: 'bytes',
            ok: false,
            detail:
              'The same JSON in other bytes (35 bytes were sent, 36 are given): it was parsed and serialised again',
          },
          { step: 'secret', ok: null, detail: 'No secret was given to compare' },
          {
            step: 'signature',
            ok: false,
            detail:
              'webhook-signature: it is right for the bytes that were sent, not for those that were given',
          },
          { step: 'public_key', ok: null, detail: 'There is no v1a signature to look at' },
        ],
        advice:
          'Check the signature over the raw bytes of the request, before anything parses them: what is parsed and serialised again is not what was signed.',
      },
    },
  },
  'admin.webhooks.list_signing_keys': { answers: { 200: { signing_keys: [signingKey] } } },
  'admin.webhooks.rotate_signing_key': {
    body: { overlap_seconds: 86_400 },
    answers: { 200: signingKey },
  },
  'webhooks.key_set.get': {
    answers: {
      200: {
        keys: [
          {
            kty: 'OKP',
            crv: 'Ed25519',
            x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
            kid: signingKey.id,
            use: 'sig',
            alg: 'EdDSA',
          },
        ],
      },
    },
  },
};
