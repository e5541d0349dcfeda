import { webhookRoutes } from '@switchboard/contracts';
import { decodeCursor, encodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { partnerDeliveryAnswer } from '../../domain/deliveries/partner-delivery-answer.ts';
import { callbackOwner } from '../../domain/deliveries/persist-requests.ts';
import { findLastAttempts } from '../../domain/deliveries/read-attempts.ts';
import { findEndOfExamined, listDeliveries } from '../../domain/deliveries/read-deliveries.ts';

export const getPartnerDeliveries = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookRoutes.listPartnerDeliveries, async ({ principal, query }) => {
    const { limit } = query;
    const after = decodeCursor(query.cursor);
    const wanted = {
      profile: 'partner',
      status: query.status ?? null,
      owner: callbackOwner(principal.key_id),
      messageId: query.job_id ?? null,
      endpointId: null,
      eventType: null,
      from: null,
      to: null,
    } as const;
    const page = toPage(await listDeliveries(data.db, wanted, { limit, after }), limit, (one) => one);
    const end = page.nextCursor === null ? await findEndOfExamined(data.db, wanted, after) : null;
    const lastAttempts = await findLastAttempts(
      data.db,
      page.rows.map(({ id }) => id),
    );
    return {
      status: 200,
      headers: { 'cache-control': 'private' },
      body: {
        deliveries: page.rows.map((one) => partnerDeliveryAnswer(one, lastAttempts.get(one.id))),
        next_cursor: end ? encodeCursor(end) : page.nextCursor,
      },
    };
  });
