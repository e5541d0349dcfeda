import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { explainSignature } from '../../domain/signing/explain/explain-signature.ts';

export const postVerification = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.verifySignature, async ({ body }) => ({
    status: 200,
    body: await explainSignature(deps, body),
  }));
