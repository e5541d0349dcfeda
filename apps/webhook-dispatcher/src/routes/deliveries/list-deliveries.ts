import { webhookAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, encodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { deliveryAnswer } from '../../domain/deliveries/delivery-answer.ts';
import { findEndOfExamined, listDeliveries } from '../../domain/deliveries/read-deliveries.ts';

export const getDeliveries = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.listDeliveries, async ({ query }) => {
    const { limit, cursor, from, to } = query;
    const after = decodeCursor(cursor);
    const wanted = {
      status: query.status ?? null,
      endpointId: query.endpoint_id ?? null,
      owner: query.owner ?? null,
      eventType: query.event_type ?? null,
      messageId: query.message_id ?? null,
      from: from === undefined ? null : new Date(from),
      to: to === undefined ? null : new Date(to),
    };
    const page = toPage(await listDeliveries(data.db, wanted, { limit, after }), limit, (one) => one);
    const end = page.nextCursor === null ? await findEndOfExamined(data.db, wanted, after) : null;
    return {
      status: 200,
      body: {
        deliveries: page.rows.map(deliveryAnswer),
        next_cursor: end ? encodeCursor(end) : page.nextCursor,
      },
    };
  });
