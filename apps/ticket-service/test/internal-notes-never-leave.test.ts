import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentOf, type Outside, outside } from './support/surface.ts';
import { startTestTickets, type TestTickets } from './support/tickets.ts';

/*
 * Whatever is said and done inside, in whatever order, nothing of it is in anything that leaves: no answer of the surface, no
 * change of the feed, no webhook, no event. What is said inside carries a marker, and so does who says it.
 */
let tickets: TestTickets;
let mine: Outside;
beforeAll(async () => {
  tickets = await startTestTickets();
  mine = await outside(tickets);
}, 60_000);
afterAll(() => tickets?.close());

const MARKER = 'between-us-alone';

type Step =
  | { readonly kind: 'token-comment' | 'staff-comment'; readonly internal: boolean; readonly words: string }
  | { readonly kind: 'status' | 'staff-status'; readonly status: string }
  | { readonly kind: 'edit'; readonly words: string }
  | { readonly kind: 'staff-edit'; readonly priority: string };

const status = fc.constantFrom('open', 'in_progress', 'waiting', 'resolved', 'closed');
const words = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('token-comment' as const, 'staff-comment' as const),
    internal: fc.boolean(),
    words,
  }),
  fc.record({ kind: fc.constantFrom('status' as const, 'staff-status' as const), status }),
  fc.record({ kind: fc.constant('edit' as const), words }),
  fc.record({
    kind: fc.constant('staff-edit' as const),
    priority: fc.constantFrom('low', 'medium', 'high', 'urgent'),
  }),
);

test('nothing of what is said inside is in anything that leaves', async () => {
  const agent = { ...agentOf(tickets), email: `${MARKER}@example.com` };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      const id = await mine.open();
      const staff = `/api/admin/v1/tickets/${id}`;
      let internal = 0;
      for (const each of steps) {
        const answer = await (() => {
          switch (each.kind) {
            case 'token-comment':
            case 'staff-comment': {
              if (each.internal) internal += 1;
              const body = {
                content: each.internal ? `${MARKER} ${each.words}` : `x${each.words}`,
                is_internal: each.internal,
              };
              return each.kind === 'token-comment'
                ? mine.ask('POST', `/tickets/${id}/comments`, body)
                : tickets.call(agent, 'POST', `${staff}/comments`, { body });
            }
            case 'status':
              return mine.ask('PATCH', `/tickets/${id}/status`, { status: each.status });
            case 'staff-status':
              return tickets.call(agent, 'PATCH', `${staff}/status`, { body: { status: each.status } });
            case 'edit':
              return mine.ask('PATCH', `/tickets/${id}`, { title: `t${each.words}` });
            case 'staff-edit':
              return tickets.call(agent, 'PATCH', staff, { body: { priority: each.priority } });
          }
        })();
        expect(answer.status).toBeLessThan(500);
      }
      const outward = [
        await mine.ask('GET', `/tickets/${id}`),
        await mine.ask('GET', `/tickets/${id}/comments?limit=100`),
        await mine.ask('GET', '/tickets?limit=100'),
        await mine.ask('GET', `/tickets?q=${MARKER}`),
        await mine.ask('GET', `/tickets/${id}/attachments`),
        await mine.ask('GET', '/tickets/changes?limit=100'),
        await tickets.rows('SELECT data FROM tickets.ticket_changes WHERE ticket_id = $1', [id]),
        await tickets.rows('SELECT data FROM tickets.outbox WHERE data::text LIKE $1', [`%${id}%`]),
      ];
      expect(JSON.stringify(outward)).not.toContain(MARKER);
      // They are there, for those inside.
      const inside = await tickets.call(agent, 'GET', `${staff}/comments?limit=100`);
      expect(inside.body.comments.filter((each: { is_internal: boolean }) => each.is_internal)).toHaveLength(
        internal,
      );
      if (internal > 0) expect(JSON.stringify(inside.body)).toContain(MARKER);
    }),
    { numRuns: 25, endOnFailure: true },
  );
}, 60_000);
