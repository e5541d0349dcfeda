import { AppError, DEVICE_GRANT_TYPE, deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { redeemDeviceCode } from '../../domain/device/redeem-device-code.ts';

export const createDeviceToken = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.createDeviceToken, async ({ body, caller, reply }) => {
    // Also on refusals: a cache that keeps "pending" would keep the device out.
    reply.header('cache-control', 'no-store');
    if (body.grant_type !== undefined && body.grant_type !== DEVICE_GRANT_TYPE) {
      throw new AppError('UNSUPPORTED_GRANT_TYPE');
    }
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
