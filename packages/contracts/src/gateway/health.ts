import { z } from 'zod';
import { timestampSchema } from '../fields.ts';

/** `down` of one service is `degraded` of the platform; `down` of the platform is that none of them answers. */
const healthStatusSchema = z.enum(['ok', 'degraded', 'down']);
export type HealthStatus = z.infer<typeof healthStatusSchema>;

/** The public `GET /health`: how the platform is, service by service (spec: common contract). */
export const platformHealthAnswer = z.object({
  status: healthStatusSchema,
  version: z.string(),
  timestamp: timestampSchema,
  services: z.record(z.string(), healthStatusSchema),
});
export type PlatformHealth = z.infer<typeof platformHealthAnswer>;
