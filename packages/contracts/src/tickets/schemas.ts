import { z } from 'zod';

/** What the tickets surface answers (spec: tickets). Field names and shapes are those of its guide. */

export const ticketsHealthAnswer = z.object({
  status: z.literal('ok'),
  endpoints: z.array(z.string()),
});
