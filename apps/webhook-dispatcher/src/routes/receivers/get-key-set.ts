import { webhookRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toJwk } from '../../domain/signing/public-keys.ts';

/** A key set may be kept as long as this: short of every overlap that leaves receivers time to see a new key. */
const KEPT_SECONDS = 300;

export const getKeySet = (app: FastifyInstance, { signingKeys }: Deps): void =>
  implement(app, webhookRoutes.getKeySet, async () => ({
    status: 200,
    headers: { 'cache-control': `public, max-age=${KEPT_SECONDS}` },
    body: { keys: (await signingKeys.live()).map(toJwk) },
  }));
