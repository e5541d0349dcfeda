import { partnerAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listRequests } from '../../domain/administration/list-requests.ts';
import { requireKey } from '../../domain/keys/require-key.ts';
import { readRange } from '../../domain/time-range.ts';

export const getKeyRequests = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.listKeyRequests, async ({ params, query }) => {
    const { status, endpoint = null, limit } = query;
    const after = decodeCursor(query.cursor);
    const range = readRange(query);
    const key = await requireKey(data.db, params.key_id);
    const filter = { ...range, keyId: key.id, statusClass: status ? Number(status[0]) : null, endpoint };
    const page = toPage(await listRequests(data.db, filter, { limit, after }), limit, (one) => one);
    return {
      status: 200,
      body: {
        requests: page.rows.map((one) => ({
          id: one.id,
          method: one.method,
          endpoint: one.endpoint,
          response_status: one.responseStatus,
          response_time_ms: one.responseTimeMs,
          error_code: one.errorCode,
          request_id: one.requestId,
          trace_id: one.traceId,
          ip_address: one.ipAddress,
          user_agent: one.userAgent,
          idempotency_key: one.idempotencyKey,
          repeated: one.repeated,
          created_at: one.createdAt.toISOString(),
        })),
        next_cursor: page.nextCursor,
      },
    };
  });
