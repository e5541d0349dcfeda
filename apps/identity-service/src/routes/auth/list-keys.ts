import { authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';

/** Less than a new key is published before it signs, so whoever keeps them so long never meets an unknown one. */
const KEPT_SECONDS = 300;

export const getKeys = (app: FastifyInstance, { data, keyRing }: Deps): void =>
  implement(app, authRoutes.jwks, async () => ({
    status: 200,
    headers: { 'cache-control': `public, max-age=${KEPT_SECONDS}` },
    body: { keys: await keyRing.published(data.db) },
  }));
