import { AppError, DEVICE_GRANT_TYPE, deviceRoutes, errors } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { redeemDeviceCode } from '../../domain/device/redeem-device-code.ts';
import { refreshSession } from '../../domain/sessions/refresh-session.ts';

/** RFC 6749, 5.2: whatever is wrong with a refresh token is invalid_grant here. */
const refresh = async (deps: Deps, refreshToken: string) => {
  try {
    return await refreshSession(deps, refreshToken);
  } catch (error) {
    if (!(error instanceof AppError) || error.status !== 400) throw error;
    throw new AppError('INVALID_GRANT', { message: error.message });
  }
};

const missing = (field: string): AppError => errors.invalidInput([{ field, message: 'must not be empty' }]);

export const createDeviceToken = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.createDeviceToken, async ({ body, caller, reply }) => {
    // Also on refusals: a cache that keeps "pending" would keep the device out.
    reply.header('cache-control', 'no-store');
    if (body.grant_type === 'refresh_token') {
      if (body.refresh_token === undefined) throw missing('refresh_token');
      const session = await refresh(deps, body.refresh_token);
      return {
        status: 200,
        body: {
          access_token: session.accessToken,
          token_type: 'Bearer',
          expires_in: session.expiresInSeconds,
          refresh_token: session.refreshToken,
        },
      };
    }
    if (body.grant_type !== undefined && body.grant_type !== DEVICE_GRANT_TYPE) {
      throw new AppError('UNSUPPORTED_GRANT_TYPE');
    }
    if (body.device_code === undefined) throw missing('device_code');
    const { session, idToken } = await redeemDeviceCode(deps, {
      deviceCode: body.device_code,
      clientId: body.client_id ?? null,
      caller,
    });
    return {
      status: 200,
      body: {
        access_token: session.accessToken,
        token_type: 'Bearer',
        expires_in: session.expiresInSeconds,
        refresh_token: session.refreshToken,
        ...(idToken === null ? {} : { id_token: idToken }),
      },
    };
  });
