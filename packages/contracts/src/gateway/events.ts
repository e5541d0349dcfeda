import { z } from 'zod';
import { credentialKinds } from '../credentials/principal.ts';
import { defineEvent } from '../event.ts';

/** One request as the gateway saw it. Bodies, queries and secrets are never in it. */
export const requestRecordSchema = z.object({
  request_id: z.string(),
  trace_id: z.string(),
  method: z.string(),
  /** The route's pattern, `/api/partner/v1/jobs/:job_id/status`; of an unknown path, the surface's prefix. */
  endpoint: z.string(),
  status: z.number().int(),
  duration_ms: z.number().min(0),
  error_code: z.string().nullable(),
  credential_kind: z.enum(credentialKinds).nullable(),
  /** The key, token or user; null when the credential was refused before it was known. */
  credential_id: z.string().nullable(),
  ip: z.string(),
  user_agent: z.string().nullable(),
  idempotency_key: z.string().nullable(),
  /** True: it took one of the credential's limit. */
  counted: z.boolean().default(false),
  /** How many further requests like it the record stands for: refused ones beyond the first few of an hour. */
  repeated: z.number().int().min(0).default(0),
  completed_at: z.iso.datetime(),
});
export type RequestRecord = z.infer<typeof requestRecordSchema>;

export const gatewayEvents = {
  requestCompleted: defineEvent({
    name: 'gateway.request.completed',
    version: 1,
    producer: 'gateway',
    summary: 'Requests that were answered, refused ones too; batched, one subject per owning service.',
    partitioned: true,
    data: z.object({ requests: z.array(requestRecordSchema).min(1) }),
    example: {
      requests: [
        {
          request_id: 'req-1',
          trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
          method: 'GET',
          endpoint: '/api/partner/v1/health',
          status: 200,
          duration_ms: 3.2,
          error_code: null,
          credential_kind: 'partner_key',
          credential_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1c',
          ip: '203.0.113.7',
          user_agent: 'curl/8.5.0',
          idempotency_key: null,
          counted: true,
          repeated: 0,
          completed_at: '2024-12-15T10:30:00.000Z',
        },
      ],
    },
  }),
};
