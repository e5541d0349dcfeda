import type { Log } from '@switchboard/bus';
import { AuthorizationResponseError, ClientError } from 'openid-client';

/** Why a sign-in with a provider came to nothing, in the words that Supabase Auth's clients know. */
export class OAuthFailure extends Error {
  /** RFC 6749, 4.1.2.1. */
  readonly error: string;
  readonly errorCode: string;

  constructor(error: string, errorCode: string, description: string, options?: ErrorOptions) {
    super(description, options);
    this.name = 'OAuthFailure';
    this.error = error;
    this.errorCode = errorCode;
  }
}

const DESCRIPTION_CHARACTERS_MAX = 200;

export const providerIsAway = (cause: unknown): OAuthFailure =>
  new OAuthFailure(
    'temporarily_unavailable',
    'unexpected_failure',
    'The provider cannot be reached: try again',
    {
      cause,
    },
  );

/** What fetch throws, and openid-client in its stead, when nobody answers. */
const isSilence = (thrown: unknown): boolean =>
  (thrown instanceof TypeError && thrown.message === 'fetch failed') ||
  (thrown instanceof ClientError && thrown.code === 'OAUTH_TIMEOUT');

/** What was thrown while a provider's answer was looked at: a refusal of the provider's, in its words, or a fault. */
export const failureOf = (thrown: unknown): OAuthFailure => {
  if (thrown instanceof OAuthFailure) return thrown;
  if (isSilence(thrown)) return providerIsAway(thrown);
  if (thrown instanceof AuthorizationResponseError) {
    const error = /^[a-z_]{1,50}$/.test(thrown.error) ? thrown.error : 'server_error';
    const description = (thrown.error_description ?? 'The sign-in was refused').slice(
      0,
      DESCRIPTION_CHARACTERS_MAX,
    );
    return new OAuthFailure(
      error,
      error === 'access_denied' ? 'provider_access_denied' : 'unexpected_failure',
      description,
      { cause: thrown },
    );
  }
  return new OAuthFailure(
    'server_error',
    'unexpected_failure',
    'The answer of the provider cannot be used: begin the sign-in again',
    { cause: thrown },
  );
};

/** The reason in words alone: causes of openid-client's errors hold answers of providers, with tokens in them. */
export const logFailure = (log: Log, provider: string, failure: OAuthFailure): void => {
  const { error, errorCode, cause } = failure;
  const reason = cause instanceof Error ? cause.message : failure.message;
  log.info({ provider, error, errorCode, reason }, 'A sign-in with a provider came to nothing');
};
