import { partnerRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';

/** Degraded: requests are answered, but analysis stands still until NATS is back. */
export const getHealth = (app: FastifyInstance, { data, database, bus }: Deps): void =>
  implement(app, partnerRoutes.health, async ({ principal, log }) => {
    const databaseAnswers = await database.check().then(
      () => true,
      (error: unknown) => {
        log.warn({ err: error }, 'Postgres does not answer');
        return false;
      },
    );
    return {
      status: 200,
      body: {
        status: databaseAnswers && bus.isConnected() ? 'ok' : 'degraded',
        environment: principal.environment,
        partner_name: principal.partner_name,
        timestamp: data.clock.now().toISOString(),
        version: 'v1',
      },
    };
  });
