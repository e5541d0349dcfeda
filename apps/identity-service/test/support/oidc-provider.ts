import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { freePort } from '@switchboard/stack/testing';
import Provider, { type Configuration } from 'oidc-provider';

/** Somebody who has an account at the provider. */
export interface Person {
  readonly id: string;
  readonly name?: string;
  readonly username?: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
  readonly picture?: string;
}

export interface TestProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What identity-service is configured with to use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Who sits at the browser. Null: somebody who refuses. */
  person: Person | null;
  /** True: the browser is shown a page with the buttons `Continue` and `Cancel`; false: it goes on by itself. */
  asks: boolean;
  /** Listens again, on the same port, after `close`. */
  open(): Promise<void>;
  close(): Promise<void>;
}

export interface TestProviderOptions {
  /** google: OpenID Connect. twitter: OAuth 2.0 at the paths of X, with its answer to "who is it". */
  readonly kind: 'google' | 'twitter';
  /** PUBLIC_URL of the gateway that browsers use. */
  readonly publicUrl: string;
  /** False: what is known of a person is not in the ID token but at the userinfo endpoint, as the standard has it. */
  readonly claimsInIdToken?: boolean;
}

const X_PATHS = {
  authorization: '/i/oauth2/authorize',
  token: '/2/oauth2/token',
  userinfo: '/2/userinfo-of-nobody',
};
const X_USER_PATH = '/2/users/me';

const pageOf = (action: string, name: string) => `<!doctype html><html lang="en"><title>Provider</title><body>
<form method="post" action="${action}"><p>Go on as ${name}?</p>
<button name="answer" value="continue">Continue</button><button name="answer" value="cancel">Cancel</button></form>`;

const readBody = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
};

/** The certified oidc-provider, as Google or as X, on a port of its own. */
export const startTestProvider = async (options: TestProviderOptions): Promise<TestProvider> => {
  const { kind, publicUrl, claimsInIdToken = true } = options;
  const isX = kind === 'twitter';
  const clientId = `${kind}-client`;
  // As theirs look: with characters that clients escape in different ways.
  const clientSecret = 'a-secret_of~a.client-0123456789abcdefghijkl';
  const people = new Map<string, Person>();
  let handle = (_request: IncomingMessage, response: ServerResponse): void => void response.end();
  const server = createServer((request, response) => handle(request, response));
  // Whoever asks again may do so on the connection of before, and that must not end at this very moment.
  server.keepAliveTimeout = 0;
  // One that nobody takes while the provider is away.
  const port = await freePort();
  const listen = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen();
  const issuer = `http://127.0.0.1:${port}`;

  const made: TestProvider = {
    issuer,
    clientId,
    clientSecret,
    env: isX
      ? {
          TWITTER_CLIENT_ID: clientId,
          TWITTER_CLIENT_SECRET: clientSecret,
          TWITTER_ISSUER_URL: issuer,
        }
      : { GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret, GOOGLE_ISSUER_URL: issuer },
    person: null,
    asks: false,
    open: listen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const configuration: Configuration = {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${publicUrl}/auth/v1/callback`],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'test' }] },
    cookies: { keys: ['a key for cookies of the test provider'] },
    pkce: { required: () => true },
    scopes: isX
      ? ['users.read', 'tweet.read', 'users.email', 'offline_access']
      : ['openid', 'offline_access', 'calendar.readonly'],
    claims: isX ? {} : { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture'] },
    conformIdTokenClaims: !claimsInIdToken,
    ...(isX ? { routes: X_PATHS } : {}),
    features: { devInteractions: { enabled: false } },
    ttl: { AccessToken: 3600, IdToken: 3600, Interaction: 600, Session: 600, Grant: 600 },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, id) => {
      const person = people.get(id);
      if (!person) return undefined;
      return {
        accountId: id,
        claims: () => ({
          sub: id,
          name: person.name,
          picture: person.picture,
          email: person.email,
          email_verified: person.emailVerified ?? true,
        }),
      };
    },
    // Signing in is agreeing: nobody is asked twice.
    async loadExistingGrant(ctx) {
      const accountId = ctx.oidc.session?.accountId;
      if (!accountId) return undefined;
      const grant = new ctx.oidc.provider.Grant({ clientId, accountId });
      grant.addOIDCScope(String(ctx.oidc.params?.scope ?? ''));
      await grant.save();
      return grant;
    },
  };
  const provider = new Provider(issuer, configuration);
  provider.on('server_error', (_ctx, error) => console.error('The test provider failed', error));

  const finish = async (
    request: IncomingMessage,
    response: ServerResponse,
    answer: string,
  ): Promise<void> => {
    const { person } = made;
    if (!person || answer !== 'continue') {
      const refusal = { error: 'access_denied', error_description: 'The person refused' };
      return provider.interactionFinished(request, response, refusal);
    }
    people.set(person.id, person);
    await provider.interactionFinished(request, response, {
      login: { accountId: person.id, remember: false },
      consent: {},
    });
  };

  const interact = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'POST') {
      return finish(
        request,
        response,
        new URLSearchParams(await readBody(request)).get('answer') ?? 'cancel',
      );
    }
    if (!made.asks) return finish(request, response, 'continue');
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(pageOf(request.url ?? '', made.person?.name ?? 'nobody'));
  };

  /** What X answers to whoever has an access token. */
  const tellUser = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const token = await provider.AccessToken.find(String(request.headers.authorization ?? '').slice(7));
    const person = token?.accountId === undefined ? undefined : people.get(token.accountId);
    response.writeHead(person ? 200 : 401, { 'content-type': 'application/json' });
    const asked = new URL(request.url ?? '', issuer).searchParams.get('user.fields')?.split(',') ?? [];
    const data = {
      id: person?.id,
      name: person?.name,
      username: person?.username,
      ...(asked.includes('profile_image_url') ? { profile_image_url: person?.picture } : {}),
      ...(asked.includes('confirmed_email') && person?.emailVerified !== false
        ? { confirmed_email: person?.email }
        : {}),
    };
    response.end(JSON.stringify(person ? { data } : { title: 'Unauthorized', status: 401 }));
  };

  const callback = provider.callback();
  const failed = (response: ServerResponse) => (error: unknown) => {
    response.writeHead(500).end(String(error));
  };
  handle = (request, response) => {
    const path = new URL(request.url ?? '', issuer).pathname;
    if (path.startsWith('/interaction/')) interact(request, response).catch(failed(response));
    else if (isX && path === X_USER_PATH) tellUser(request, response).catch(failed(response));
    else callback(request, response);
  };
  return made;
};
