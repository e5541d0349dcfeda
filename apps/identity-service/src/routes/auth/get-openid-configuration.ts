import { authRoutes, DEVICE_GRANT_TYPE } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { issuerOf } from '../../domain/tokens/access-token.ts';

export const getOpenidConfiguration = (app: FastifyInstance, { config }: Deps): void => {
  const issuer = issuerOf(config);
  const device = `${config.identity.publicUrl}/api/v1/auth/device`;
  const body = {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${device}/token`,
    device_authorization_endpoint: `${device}/code`,
    userinfo_endpoint: `${issuer}/user`,
    grant_types_supported: [DEVICE_GRANT_TYPE, 'refresh_token'],
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
  };
  implement(app, authRoutes.openidConfiguration, () => ({
    status: 200,
    headers: { 'cache-control': 'public, max-age=3600' },
    body,
  }));
};
