import {
  type DataOf,
  hashKey,
  hasValidChecksum,
  identityEvents,
  keyPrefixes,
  type reportLeaksAnswer,
  type reportLeaksBody,
} from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Data, Executor } from '../database.ts';

type TokenKind = DataOf<typeof identityEvents.leakReported>['token_kind'];
type Feedback = z.input<typeof reportLeaksAnswer>;

const kinds: readonly (readonly [prefix: string, kind: TokenKind])[] = [
  [keyPrefixes.partnerSandbox, 'partner_key'],
  [keyPrefixes.partnerProduction, 'partner_key'],
  [keyPrefixes.partnerSecret, 'partner_secret'],
  [keyPrefixes.apiKey, 'api_key'],
  [keyPrefixes.apiSecret, 'api_secret'],
  [keyPrefixes.integrationToken, 'integration_token'],
];

const URL_CHARACTERS_MAX = 2_000;

interface Leak {
  readonly id: string;
  readonly kind: TokenKind;
  readonly hash: string;
  readonly url: string | null;
}

/** Writes reports down, in one statement however many they are. Gives the ids of those that are new. */
const insertReports = async (
  executor: Executor,
  leaks: readonly Leak[],
  { provider, at }: { readonly provider: string; readonly at: Date },
): Promise<ReadonlySet<string>> => {
  const column = <Field extends keyof Leak>(field: Field) => leaks.map((leak) => leak[field]);
  const inserted = await sql<{ id: string }>`
    INSERT INTO identity.leak_reports (id, provider, token_kind, token_hash, url, reported_at)
    SELECT id, ${provider}, kind, hash, url, ${at}::timestamptz
    FROM unnest(${column('id')}::uuid[], ${column('kind')}::text[], ${column('hash')}::text[], ${column('url')}::text[])
      AS leak (id, kind, hash, url)
    ON CONFLICT (token_hash, token_kind) DO NOTHING
    RETURNING id
  `.execute(executor);
  return new Set(inserted.rows.map(({ id }) => id));
};

/**
 * Takes what a provider found in public. Each credential of ours is announced once, by its hash, to whoever owns it; the
 * credential itself is kept nowhere. Gives feedback on what cannot be ours; whether the rest is still good only its
 * owners know.
 */
export const reportLeaks = async (
  data: Data,
  provider: string,
  matches: z.output<typeof reportLeaksBody>,
): Promise<Feedback> => {
  const leaks: Leak[] = [];
  const feedback: Feedback = [];
  for (const { token, type, url } of matches) {
    const kind = kinds.find(([prefix]) => hasValidChecksum(token, prefix))?.[1];
    const hash = hashKey(token);
    if (kind)
      leaks.push({
        id: data.ids.next(),
        kind,
        hash,
        url: url?.slice(0, URL_CHARACTERS_MAX).toWellFormed() || null,
      });
    else if (!hasValidChecksum(token, keyPrefixes.ticket)) {
      feedback.push({ token_hash: hash, token_type: type, label: 'false_positive' });
    }
  }
  // In one order everywhere, so that the same message twice at once does not end in a deadlock.
  leaks.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  await transact(data, async ({ trx, emit }) => {
    const isNew = await insertReports(trx, leaks, { provider, at: data.clock.now() });
    for (const leak of leaks.filter(({ id }) => isNew.has(id))) {
      emit(identityEvents.leakReported, {
        report_id: leak.id,
        token_kind: leak.kind,
        token_hash: leak.hash,
        provider,
        url: leak.url,
      });
    }
  });
  return feedback;
};
