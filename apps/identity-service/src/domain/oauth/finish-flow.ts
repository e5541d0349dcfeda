import { transact } from '@switchboard/db';
import type { Caller } from '@switchboard/service-kit';
import { authorizationCodeGrant } from 'openid-client';
import type { Deps } from '../../deps.ts';
import { readCookie } from '../pages/cookies.ts';
import { beginPageSession } from '../pages/page-session.ts';
import { withParameters } from '../redirects.ts';
import { startSession } from '../sessions/start-session.ts';
import { issueAuthCode } from '../sign-in/auth-code.ts';
import { sha256Hex } from '../tokens/secrets.ts';
import { callbackUrlOf, FLOW_BOX, flowContext } from './begin-flow.ts';
import { failureOf, logFailure, OAuthFailure } from './failure.ts';
import { flowCookieName, takeFlowCookie } from './flow-cookie.ts';
import { type Flow, takeFlow } from './flow-repository.ts';
import type { ProviderProfile, Providers } from './providers.ts';
import { signInWithProvider } from './sign-in-with-provider.ts';

export interface Ending {
  readonly location: string;
  readonly cookies: readonly string[];
}

export interface ProviderAnswer {
  readonly state: string | undefined;
  /** The query as it came, with its `?`. */
  readonly search: string;
  readonly cookieHeader: string | undefined;
  readonly caller: Caller;
}

/** Where a failure leads: where the sign-in began, with what went wrong in query and fragment, as Supabase does it. */
export const failureLocation = (
  { redirectTo, purpose }: Pick<Flow, 'redirectTo' | 'purpose'>,
  { error, errorCode, message }: OAuthFailure,
): string => {
  if (purpose === 'page') return withParameters(redirectTo, { query: { notice: 'sign_in_failed' } });
  const words = { error, error_code: errorCode, error_description: message };
  return withParameters(redirectTo, { query: words, fragment: words });
};

interface Exchanged {
  readonly profile: ProviderProfile;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
}

const exchange = async (
  deps: Pick<Deps, 'config' | 'data' | 'secrets'>,
  providers: Providers,
  flow: Flow,
  answer: ProviderAnswer,
): Promise<Exchanged> => {
  const provider = providers.find(flow.provider);
  if (!provider) throw new OAuthFailure('server_error', 'provider_disabled', 'The provider is not enabled');
  if (flow.expiresAt <= deps.data.clock.now()) {
    throw new OAuthFailure('invalid_request', 'flow_state_expired', 'The sign-in took too long: begin again');
  }
  const configuration = await provider.configuration();
  const verifier = deps.secrets.box(FLOW_BOX).open(flow.codeVerifierEncrypted, flowContext(flow.id));
  const tokens = await authorizationCodeGrant(
    configuration,
    new URL(callbackUrlOf(deps.config) + answer.search),
    {
      pkceCodeVerifier: verifier,
      expectedState: answer.state ?? '',
      ...(provider.usesNonce ? { expectedNonce: flow.nonce, idTokenExpected: true } : {}),
    },
  );
  const profile = await provider.readProfile(configuration, tokens);
  return { profile, accessToken: tokens.access_token, refreshToken: tokens.refresh_token };
};

const signIn = (
  deps: Deps,
  flow: Flow,
  { profile, accessToken, refreshToken }: Exchanged,
  caller: Caller,
): Promise<Ending> =>
  transact(deps.data, async (tools) => {
    const user = await signInWithProvider(tools, deps, flow.provider, profile);
    if (flow.purpose === 'page') {
      return { location: flow.redirectTo, cookies: [await beginPageSession(tools.trx, deps, user.id)] };
    }
    if (flow.codeChallenge !== null && flow.codeChallengeMethod !== null) {
      const { codeChallenge, codeChallengeMethod } = flow;
      const challenge = { codeChallenge, codeChallengeMethod };
      const code = await issueAuthCode(tools, deps, { ...challenge, userId: user.id, method: 'oauth' });
      return { location: withParameters(flow.redirectTo, { query: { code } }), cookies: [] };
    }
    const session = await startSession(deps, tools, {
      userId: user.id,
      method: 'oauth',
      clientName: null,
      caller,
    });
    const fragment = {
      access_token: session.accessToken,
      expires_at: String(Math.floor(session.expiresAt.getTime() / 1000)),
      expires_in: String(session.expiresInSeconds),
      provider_token: accessToken,
      ...(refreshToken === undefined ? {} : { provider_refresh_token: refreshToken }),
      refresh_token: session.refreshToken,
      token_type: 'bearer',
    };
    return { location: withParameters(flow.redirectTo, { fragment }), cookies: [] };
  });

/**
 * A browser comes back from a provider. Null when no flow of this browser has that state: then nothing says where it
 * began, and it is led nowhere.
 */
export const finishFlow = async (
  deps: Deps,
  providers: Providers,
  answer: ProviderAnswer,
): Promise<Ending | null> => {
  const { state } = answer;
  if (state === undefined || state === '') return null;
  const browserId = readCookie(answer.cookieHeader, flowCookieName(state));
  if (browserId === null) return null;
  const flow = await takeFlow(deps.data.db, {
    stateHash: sha256Hex(state),
    browserHash: sha256Hex(browserId),
  });
  if (!flow) return null;
  const forget = takeFlowCookie(deps.config, state);
  try {
    const exchanged = await exchange(deps, providers, flow, answer);
    const { location, cookies } = await signIn(deps, flow, exchanged, answer.caller);
    return { location, cookies: [forget, ...cookies] };
  } catch (thrown) {
    const failure = failureOf(thrown);
    logFailure(deps.data.log, flow.provider, failure);
    return { location: failureLocation(flow, failure), cookies: [forget] };
  }
};
