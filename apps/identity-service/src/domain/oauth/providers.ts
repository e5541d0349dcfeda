import type { Log } from '@switchboard/bus';
import { type Clock, type SignInProvider, signInProviders } from '@switchboard/contracts';
import {
  allowInsecureRequests,
  type ClientAuth,
  Configuration,
  discovery,
  enableNonRepudiationChecks,
  fetchProtectedResource,
  fetchUserInfo,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { providerIsAway } from './failure.ts';

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** Who somebody is at a provider. */
export interface ProviderProfile {
  readonly id: string;
  /** Only an address that the provider has verified. */
  readonly verifiedEmail: string | null;
  /** As Supabase keeps it: `identity_data`, and what goes into `user_metadata`. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** One provider that people may sign in with. */
export interface Provider {
  readonly name: SignInProvider;
  readonly scope: string;
  /** OpenID Connect: its ID token carries our nonce. */
  readonly usesNonce: boolean;
  /** Its addresses and our credentials there. Throws OAuthFailure while it cannot be asked. */
  configuration(): Promise<Configuration>;
  readProfile(configuration: Configuration, tokens: Tokens): Promise<ProviderProfile>;
}

export interface Providers {
  readonly enabled: readonly SignInProvider[];
  /** Null for one that is unknown or not set up. */
  find(name: string): Provider | null;
}

const TIMEOUT_SECONDS = 10;
const REDISCOVER_AFTER_MS = 3_600_000;
const X = { pages: 'https://x.com', api: 'https://api.x.com' };

/**
 * RFC 6749, 2.3.1. As encodeURIComponent writes it: openid-client's own also escapes `-` and `_`, which X and Google have
 * in their secrets and do not all read back.
 */
const basicAuth =
  (clientId: string, clientSecret: string): ClientAuth =>
  (_server, _client, _body, headers) => {
    const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  };

const without = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== ''));

const googleClaims = z.object({
  sub: z.string().min(1),
  email: z.string().optional(),
  email_verified: z.union([z.boolean(), z.stringbool()]).optional(),
  name: z.string().optional(),
  picture: z.string().optional(),
});

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

const createGoogle = (
  issuer: string,
  { clientId, clientSecret }: Credentials,
  deps: { readonly clock: Clock; readonly log: Log },
): Provider => {
  const { clock, log } = deps;
  let known: { readonly configuration: Configuration; readonly atMs: number } | null = null;
  let asking: Promise<Configuration> | null = null;

  const ask = async (): Promise<Configuration> => {
    const configuration = await discovery(
      new URL(issuer),
      clientId,
      undefined,
      basicAuth(clientId, clientSecret),
      {
        // The configuration takes plain http only for this machine (config.ts).
        execute: [
          enableNonRepudiationChecks,
          ...(issuer.startsWith('http://') ? [allowInsecureRequests] : []),
        ],
        timeout: TIMEOUT_SECONDS,
      },
    );
    known = { configuration, atMs: clock.now().getTime() };
    return configuration;
  };

  return {
    name: 'google',
    scope: 'openid email profile',
    usesNonce: true,
    async configuration() {
      const isFresh = known && Math.abs(clock.now().getTime() - known.atMs) < REDISCOVER_AFTER_MS;
      if (known && isFresh) return known.configuration;
      asking ??= ask().finally(() => {
        asking = null;
      });
      try {
        return await asking;
      } catch (error) {
        if (!known) throw providerIsAway(error);
        log.warn({ err: error, issuer }, 'Google cannot be asked for its addresses; those known are used');
        return known.configuration;
      }
    },
    async readProfile(configuration, tokens) {
      const idToken = tokens.claims();
      if (!idToken) throw new Error('Google gave no ID token');
      // Google says all of it in the ID token. Others that speak its protocol say it where the standard has it.
      const more =
        idToken.email === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined
          ? await fetchUserInfo(configuration, tokens.access_token, idToken.sub)
          : {};
      const claims = googleClaims.parse({ ...more, ...idToken });
      const { sub, email, name, picture, email_verified: isVerified = false } = claims;
      return {
        id: sub,
        verifiedEmail: isVerified ? (email ?? null) : null,
        data: without({
          iss: idToken.iss,
          sub,
          provider_id: sub,
          name,
          full_name: name,
          picture,
          avatar_url: picture,
          email,
          email_verified: isVerified,
          phone_verified: false,
        }),
      };
    },
  };
};

const xAnswer = z.object({
  data: z.object({
    id: z.string().min(1),
    name: z.string().optional(),
    username: z.string().optional(),
    profile_image_url: z.string().optional(),
    /** Only addresses that X has confirmed are told. */
    confirmed_email: z.string().optional(),
  }),
});

const createX = (base: string | undefined, { clientId, clientSecret }: Credentials): Provider => {
  const pages = base ?? X.pages;
  const api = base ?? X.api;
  const configuration = new Configuration(
    {
      issuer: pages,
      authorization_endpoint: `${pages}/i/oauth2/authorize`,
      token_endpoint: `${api}/2/oauth2/token`,
    },
    clientId,
    undefined,
    basicAuth(clientId, clientSecret),
  );
  configuration.timeout = TIMEOUT_SECONDS;
  if (api.startsWith('http://')) allowInsecureRequests(configuration);
  const userUrl = new URL(`${api}/2/users/me?user.fields=profile_image_url,confirmed_email`);
  return {
    name: 'twitter',
    scope: 'users.read tweet.read users.email',
    usesNonce: false,
    configuration: async () => configuration,
    async readProfile(_configuration, tokens) {
      const response = await fetchProtectedResource(configuration, tokens.access_token, userUrl, 'GET');
      if (!response.ok) throw new Error(`X answered ${response.status} when asked who signed in`);
      const { data } = xAnswer.parse(await response.json());
      // X gives the small one of several sizes.
      const picture = data.profile_image_url?.replace('_normal.', '.');
      return {
        id: data.id,
        verifiedEmail: data.confirmed_email ?? null,
        data: without({
          iss: `${api}/2/users/me`,
          sub: data.id,
          provider_id: data.id,
          name: data.name,
          full_name: data.name,
          user_name: data.username,
          preferred_username: data.username,
          picture,
          avatar_url: picture,
          email: data.confirmed_email,
          email_verified: data.confirmed_email !== undefined,
          phone_verified: false,
        }),
      };
    },
  };
};

const credentialsOf = (config: Config['providers'], name: SignInProvider): Credentials | null => {
  const [clientId, clientSecret] =
    name === 'google'
      ? [config.googleClientId, config.googleClientSecret]
      : [config.twitterClientId, config.twitterClientSecret];
  return clientId === undefined || clientSecret === undefined ? null : { clientId, clientSecret };
};

/** Those that have both a client id and a secret. */
export const enabledProviders = (config: Config['providers']): readonly SignInProvider[] =>
  signInProviders.filter((name) => credentialsOf(config, name) !== null);

/** The providers that are set up. None is asked anything before somebody signs in. */
export const createProviders = (
  config: Config['providers'],
  deps: { readonly clock: Clock; readonly log: Log },
): Providers => {
  const google = credentialsOf(config, 'google');
  const x = credentialsOf(config, 'twitter');
  const all = [
    ...(google ? [createGoogle(config.googleIssuerUrl, google, deps)] : []),
    ...(x ? [createX(config.twitterIssuerUrl, x)] : []),
  ];
  return {
    enabled: all.map(({ name }) => name),
    find: (name) => all.find((provider) => provider.name === name) ?? null,
  };
};
