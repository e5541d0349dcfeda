import { AppError, webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { attemptAnswer } from '../../domain/deliveries/delivery-answer.ts';
import { listAttempts } from '../../domain/deliveries/read-attempts.ts';
import { findDelivery } from '../../domain/deliveries/read-deliveries.ts';

export const getAttempts = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.listAttempts, async ({ params, query }) => {
    const { limit, before = null } = query;
    const rows = await listAttempts(data.db, params.delivery_id, { limit, before });
    // An empty page says either that there is no more or that there never was such a delivery.
    if (rows.length === 0 && !(await findDelivery(data.db, params.delivery_id))) {
      throw new AppError('DELIVERY_NOT_FOUND');
    }
    const shown = rows.slice(0, limit);
    const next = rows.length > limit ? (shown.at(-1)?.attemptNumber ?? null) : null;
    return { status: 200, body: { attempts: shown.map(attemptAnswer), next_before: next } };
  });
