import { isDeepStrictEqual } from 'node:util';
import { errors, ticketMetadataSchema, type UpdateTicketInput } from '@switchboard/contracts';
import type { JsonValue } from '@switchboard/db';
import { toFieldFaults } from '@switchboard/service-kit';
import type { Edit } from './change-ticket.ts';
import type { Ticket } from './types.ts';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7396, "MergePatch": no deeper than a patch, whose depth its schema bounds. */
const mergePatch = (target: unknown, patch: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  // By entries: an entry of the name __proto__ is one like any other.
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, isObject(value) ? mergePatch(merged.get(name), value) : value);
  }
  return Object.fromEntries(merged);
};

const mergeMetadata = (
  before: unknown,
  patch: Readonly<Record<string, unknown>> | null,
): Record<string, JsonValue> => {
  const result = patch === null ? {} : mergePatch(before, patch);
  const checked = ticketMetadataSchema.safeParse(result);
  if (!checked.success) {
    throw errors.invalidInput(
      toFieldFaults(checked.error, 'metadata').map(({ message }) => ({ field: 'metadata', message })),
    );
  }
  return result as Record<string, JsonValue>;
};

/**
 * What editing fields of a ticket changes; what is the same already is no change.
 *
 * @throws INVALID_INPUT when the merged metadata is too large
 */
export const fieldEdits = (before: Ticket, input: UpdateTicketInput): readonly Edit[] => {
  const { metadata, ...fields } = input;
  const wanted = {
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    ...(metadata === undefined ? {} : { metadata: mergeMetadata(before.metadata, metadata) }),
  } as Partial<Pick<Ticket, 'title' | 'description' | 'priority' | 'category' | 'metadata'>>;
  const differing = Object.entries(wanted).filter(
    ([field, value]) => !isDeepStrictEqual(value, before[field as keyof typeof wanted]),
  );
  if (differing.length === 0) return [];
  const changes = Object.fromEntries(
    differing.map(([field, to]) => [field, { from: before[field as keyof typeof wanted], to }]),
  );
  return [
    {
      set: Object.fromEntries(differing),
      type: 'updated',
      details: { changes },
      outside: { type: 'ticket.updated', data: { changed: differing.map(([field]) => field) } },
    },
  ];
};
