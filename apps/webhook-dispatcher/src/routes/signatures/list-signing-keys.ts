import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toSigningKeyAnswer } from '../../domain/signing/public-keys.ts';

export const getSigningKeys = (app: FastifyInstance, { signingKeys }: Deps): void =>
  implement(app, webhookAdminRoutes.listSigningKeys, async () => ({
    status: 200,
    body: { signing_keys: (await signingKeys.live()).map(toSigningKeyAnswer) },
  }));
