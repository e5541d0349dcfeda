import {
  type ChangeData,
  type EventContract,
  type TicketChangeType,
  ticketEvents,
  webhookBody,
  webhookEvents,
} from '@switchboard/contracts';
import { toJson } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { takeSequences, type WantedSequences } from '../feed/feed-repository.ts';
import { noRoom } from '../feed/stored-bytes.ts';
import { ticketView } from './ticket-answer.ts';
import type { Change, TicketTools } from './types.ts';

type RecordDeps = Pick<Deps, 'config'> & { readonly data: Pick<Deps['data'], 'clock' | 'ids'> };

const eventOf: Readonly<Record<TicketChangeType, EventContract<typeof ticketEvents.ticketCreated.data>>> = {
  'ticket.created': ticketEvents.ticketCreated,
  'ticket.updated': ticketEvents.ticketUpdated,
  'ticket.status_changed': ticketEvents.ticketStatusChanged,
  'ticket.commented': ticketEvents.ticketCommented,
  'ticket.sla_breached': ticketEvents.ticketSlaBreached,
};

/**
 * Writes what happened into the history, and says it to whoever may know: the feed of the token, its webhooks, the other
 * services. The webhooks of a token that is not in force are not told: they go on with what comes after it is again, and the
 * sequence shows what the feed has meanwhile. Call it last in the transaction, once: from here on every other change of the token's tickets waits.
 *
 * @param changes in the order in which they happened
 * @throws TOO_MANY when a token stores more than it may
 */
export const recordChanges = async (
  { config, data: { clock, ids } }: RecordDeps,
  { trx, emit, touchedTokens }: TicketTools,
  changes: readonly Change[],
): Promise<void> => {
  if (changes.length === 0) return;
  const datas = changes.map(({ ticket, outside }): ChangeData | null =>
    outside ? { ticket: ticketView(ticket), ...outside.data } : null,
  );
  const wanted = new Map<string, WantedSequences>();
  for (const [index, { ticket, outside }] of changes.entries()) {
    if (!outside || !ticket.token_id) continue;
    const { count, bytes } = wanted.get(ticket.token_id) ?? { count: 0, bytes: 0 };
    const more = Buffer.byteLength(JSON.stringify(datas[index])) + (outside.data.attachment?.size_bytes ?? 0);
    wanted.set(ticket.token_id, { count: count + 1, bytes: bytes + more });
  }
  const taken = await takeSequences(trx, wanted, clock.now());
  // Those who work on tickets go on, whatever their senders have stored.
  const byTokens = changes.filter(({ actor }) => actor.kind === 'token');
  for (const { ticket } of byTokens) {
    const { storedBytes = 0 } = taken.get(ticket.token_id ?? '') ?? {};
    if (storedBytes > config.tickets.storedBytesPerTokenMax) throw noRoom({ config });
  }
  const next = new Map([...taken].map(([tokenId, { first }]) => [tokenId, first]));
  // What has the same time is ordered by id: those of one transaction in the order in which they happened.
  const idsInOrder = changes.map(() => ids.next()).toSorted();
  const rows = changes.map(({ ticket, type, actor, details, outside, at }, index) => {
    const id = idsInOrder[index] as string;
    const tokenId = ticket.token_id;
    const data = datas[index] ?? null;
    let sequence: number | null = null;
    if (outside && data) {
      if (tokenId) {
        sequence = next.get(tokenId) ?? 0;
        next.set(tokenId, sequence + 1);
        touchedTokens.add(tokenId);
        if (taken.get(tokenId)?.isTokenInForce) {
          emit(webhookEvents.messagePublished, {
            message_id: id,
            owner: `integration_token:${tokenId}`,
            event_type: outside.type,
            environment: 'production',
            body: webhookBody(outside.type, at, { sequence, ticket_id: ticket.id, ...data }),
          });
        }
      }
      emit(eventOf[outside.type], {
        ...data,
        change_id: id,
        ticket_id: ticket.id,
        token_id: tokenId,
        sequence,
        call_id: ticket.call_id,
        at: at.toISOString(),
      });
    }
    return {
      id,
      ticket_id: ticket.id,
      type,
      token_id: tokenId,
      sequence,
      actor_kind: actor.kind,
      actor_id: actor.id,
      actor_name: actor.name,
      data: data && toJson(data),
      details: toJson(details),
      created_at: at,
    };
  });
  await trx.insertInto('ticket_changes').values(rows).execute();
};
