import { randomBytes } from 'node:crypto';
import {
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { Deps } from '../../deps.ts';
import type { CodeChallenge } from '../sign-in/auth-code.ts';
import { issuerOf } from '../tokens/access-token.ts';
import { sha256Hex } from '../tokens/secrets.ts';
import { FLOW_SECONDS, giveFlowCookie } from './flow-cookie.ts';
import { type Flow, insertFlow } from './flow-repository.ts';
import type { Provider } from './providers.ts';

export const FLOW_BOX = 'oauth flows';
export const flowContext = (flowId: string): string => `identity.oauth_flows ${flowId}`;

/** Where providers send browsers back to; to be registered with each. */
export const callbackUrlOf = (config: Deps['config']): string => `${issuerOf(config)}/callback`;

export interface BegunFlow {
  readonly url: string;
  readonly cookie: string;
}

/**
 * Begins a sign-in with a provider: where to send the browser, and the cookie by which it is known when it comes back
 * (RFC 9700, 2.1: PKCE, state bound to the browser; OpenID Connect: nonce).
 *
 * @throws OAuthFailure while the provider cannot be asked where its pages are
 */
export const beginFlow = async (
  { config, data, secrets }: Pick<Deps, 'config' | 'data' | 'secrets'>,
  provider: Provider,
  input: Pick<Flow, 'purpose' | 'redirectTo'> & {
    readonly challenge: CodeChallenge | null;
    /** What the client wants beyond our own. */
    readonly scopes?: string | undefined;
    readonly handedOn?: Readonly<Record<string, string>>;
  },
): Promise<BegunFlow> => {
  const configuration = await provider.configuration();
  const state = randomState();
  const nonce = randomNonce();
  const verifier = randomPKCECodeVerifier();
  const browserId = randomBytes(32).toString('base64url');
  const at = data.clock.now();
  const id = data.ids.next();
  await insertFlow(data.db, {
    id,
    stateHash: sha256Hex(state),
    browserHash: sha256Hex(browserId),
    provider: provider.name,
    purpose: input.purpose,
    redirectTo: input.redirectTo,
    codeVerifierEncrypted: secrets.box(FLOW_BOX).seal(verifier, flowContext(id)),
    nonce,
    codeChallenge: input.challenge?.codeChallenge ?? null,
    codeChallengeMethod: input.challenge?.codeChallengeMethod ?? null,
    at,
    expiresAt: new Date(at.getTime() + FLOW_SECONDS * 1000),
  });
  const scopes = new Set(`${provider.scope} ${input.scopes ?? ''}`.split(/[\s,]+/).filter(Boolean));
  const url = buildAuthorizationUrl(configuration, {
    ...input.handedOn,
    redirect_uri: callbackUrlOf(config),
    scope: [...scopes].join(' '),
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...(provider.usesNonce ? { nonce } : {}),
  });
  return { url: url.href, cookie: giveFlowCookie(config, state, browserId) };
};
