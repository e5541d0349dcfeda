import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { beginDeviceSignIn } from '../../domain/device/begin-device-sign-in.ts';

export const createDeviceCode = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.createDeviceCode, async ({ body, caller }) => {
    const begun = await beginDeviceSignIn(deps, {
      clientId: body.client_id ?? null,
      clientName: body.client_name ?? null,
      scope: body.scope ?? null,
      caller,
    });
    const page = `${deps.config.identity.publicUrl}/device`;
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: {
        device_code: begun.deviceCode,
        user_code: begun.userCode,
        verification_uri: page,
        verification_uri_complete: `${page}?user_code=${begun.userCode}`,
        expires_in: begun.expiresSeconds,
        interval: begun.intervalSeconds,
      },
    };
  });
