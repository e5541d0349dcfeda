import { answersWithPages, type RouteContract } from '../route.ts';

/** What collections say beyond the contracts: which surface has which routes, what its caller fills in, what to expect. */

export interface PostmanSurface {
  /** From the root of the repository. */
  readonly file: string;
  readonly name: string;
  readonly description: string;
  /** Whom the requests are sent as, where a route takes several; the first is that of the whole collection. */
  readonly credentials: readonly (keyof typeof sentAs)[];
  /** What answers bring and bodies need, beside the ids in paths. */
  readonly values: readonly string[];
  /** What goes before the others, by id, where the order of the contracts would not do. */
  readonly first?: readonly string[];
  /** Folders by resource: an id is then kept for the requests of its folder. */
  readonly hasFolders?: true;
  has(route: RouteContract): boolean;
}

/** How a credential travels: as bearer, in headers, or both. */
export const sentAs = {
  partner_key: { bearer: 'api_key', headers: { 'X-API-Secret': 'api_secret' } },
  api_key: { bearer: null, headers: { 'X-API-Key': 'api_key', 'X-API-Secret': 'api_secret' } },
  integration_token: { bearer: 'integration_token', headers: {} },
  user: { bearer: 'access_token', headers: {} },
  anon: { bearer: null, headers: { apikey: 'anon_key' } },
  nobody: { bearer: null, headers: {} },
} as const satisfies Record<string, { bearer: string | null; headers: Readonly<Record<string, string>> }>;

/** No collection has these: sockets; what a provider must sign; pages and their forms, which a browser uses. */
export const isLeftOut = (route: RouteContract): boolean =>
  route.upgrade !== undefined || route.provider !== undefined || answersWithPages(route);

const ofReceivers: readonly string[] = [
  'admin.webhooks.create_endpoint',
  'admin.webhooks.test_endpoint',
  'admin.webhooks.delete_endpoint',
];

export const postmanSurfaces: readonly PostmanSurface[] = [
  {
    file: 'docs/partner-api-postman-collection.json',
    name: 'Switchboard Partner API',
    description:
      'Fill in api_key and api_secret; ids that answers bring are kept for the requests after them. audio_file is an address of a recording, or the recording itself in base64.',
    credentials: ['partner_key'],
    values: ['agent_id'],
    has: ({ surface }) => surface === 'partner',
  },
  {
    file: 'docs/postman/calls.json',
    name: 'Switchboard Calls API',
    description:
      'Fill in api_key and api_secret, a pair of ak_… and as_…. The call that is made is ended last.',
    credentials: ['api_key'],
    values: [],
    has: ({ surface }) => surface === 'calls',
  },
  {
    file: 'docs/postman/tickets.json',
    name: 'Switchboard Tickets API',
    description:
      'Fill in integration_token. Choose the file of the attachment; from the root of the repository the one that is named is found.',
    credentials: ['integration_token'],
    values: ['expires', 'signature'],
    has: ({ surface }) => surface === 'tickets',
  },
  {
    file: 'docs/postman/identity.json',
    name: 'Switchboard sign-in',
    description:
      'Fill in anon_key, and email and password of somebody who can sign in; the tokens of the answer are kept. Signs out last.',
    credentials: ['anon', 'user'],
    values: ['access_token', 'refresh_token', 'device_code'],
    has: ({ surface }) => surface === 'auth' || surface === 'device' || surface === 'studio',
  },
  {
    file: 'docs/postman/administration.json',
    name: 'Switchboard administration',
    description:
      'Fill in access_token, of a super_admin. What is made is disabled, revoked or deleted at the end of its folder. Tickets are those that there are: the newest is worked on.',
    credentials: ['user'],
    values: ['account_id', 'user_id'],
    hasFolders: true,
    has: ({ path }) => path.startsWith('/api/admin/v1/'),
  },
  {
    file: 'docs/postman/webhooks.json',
    name: 'Switchboard webhooks, for receivers',
    description:
      'What a receiver asks: the keys that sign, and what an endpoint was sent. Fill in api_key and api_secret, their account_id, and the access_token of an administrator, who makes the endpoint and deletes it.',
    credentials: ['api_key', 'user'],
    values: [],
    first: ['admin.webhooks.create_endpoint', 'admin.webhooks.test_endpoint'],
    has: ({ id }) => id.startsWith('webhooks.') || ofReceivers.includes(id),
  },
];

/** What variables hold before anybody fills them in; the others are empty. */
export const variableDefaults: Readonly<Record<string, string>> = {
  base_url: 'http://127.0.0.1:3000',
  audio_file: 'https://recordings.example.com/call.wav',
  analysis_type: 'full',
  webhook_url: 'https://partner.com/webhook/callback',
  endpoint_url: 'https://example.com/webhooks',
};

/** Of the example's body: what a caller fills in, what must be new each time, what has passed (null: left out). */
export const bodyValues: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'partner.calls.analyze': {
    audio_file: '{{audio_file}}',
    analysis_type: '{{analysis_type}}',
    webhook_url: '{{webhook_url}}',
  },
  'partner.agents.create': { email: 'agent-{{$timestamp}}@example.com' },
  'auth.users.sign_up': { email: 'jane-{{$timestamp}}@example.com' },
  'auth.tokens.grant': { email: '{{email}}', password: '{{password}}' },
  'auth.users.recover': { email: '{{email}}' },
  'auth.tokens.verify': { email: '{{email}}' },
  'admin.api_keys.create': { expires_at: null },
  'admin.users.create': { email: 'agent-{{$timestamp}}@example.com' },
  'admin.tickets.update': { assignee_id: '{{user_id}}' },
  'admin.webhooks.create_endpoint': { owner: 'account:{{account_id}}', url: '{{endpoint_url}}' },
  'tickets.webhooks.create': { url: '{{endpoint_url}}' },
};

/** Parts of forms; a file is chosen by whoever sends it. */
export const formParts: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>> = {
  'tickets.attachments.create': [{ key: 'file', type: 'file', src: 'docs/images/demo-call-phone.png' }],
};

/** Of parameters that a request must have. */
export const queryValues: Readonly<Record<string, string>> = {
  grant_type: 'password',
  provider: 'google',
  expires: '{{expires}}',
  signature: '{{signature}}',
};

/** The request is sent again, each half second for a minute, until its answer says that it need not be. */
export const waitsUntil: Readonly<Record<string, string>> = {
  'partner.jobs.get_status': "['completed', 'failed', 'cancelled'].includes(body.status)",
  'partner.webhooks.list_deliveries': "body.deliveries.some(({ status }) => status !== 'pending')",
  'calls.calls.get': "!['initializing', 'ringing'].includes(body.data.status)",
};

/** Scripts of single requests, where no rule keeps what the answer brings. */
export const ownScripts: Readonly<Record<string, readonly string[]>> = {
  'tickets.attachments.create': [
    'const { id, url } = body.attachment;',
    'const [, expires, signature] = /[?&]expires=([^&]+)&signature=([^&]+)/.exec(url) || [];',
    "keep('attachment_id', id);",
    "keep('expires', expires);",
    "keep('signature', signature);",
  ],
};

/** Statuses beside those of success that are as they should be, and why. */
export const otherStatuses: Readonly<
  Record<string, { readonly statuses: readonly number[]; readonly why: string }>
> = {
  'partner.jobs.cancel': { statuses: [409], why: 'The job is over by then: 409.' },
  'auth.tokens.verify': { statuses: [403], why: 'The digits are in a mail; the ones here are wrong: 403.' },
  'auth.provider.authorize': { statuses: [400], why: 'Without Google set up: 400.' },
  'device.token.create': { statuses: [400], why: 'Until somebody has approved the device: 400.' },
  'admin.calls.get': {
    statuses: [404],
    why: 'Fill in callId, the call_id of a ticket about a call; without it: 404.',
  },
  'admin.partner_keys.retry_webhook': {
    statuses: [400, 404],
    why: 'A new key has sent nothing, and without an id of a delivery: 400.',
  },
  'admin.webhooks.cancel_replay': { statuses: [409], why: 'A short replay is over by then: 409.' },
};
