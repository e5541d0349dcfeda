import { sql } from 'kysely';
import { defineMigration } from './migration.ts';

/**
 * What every service's schema begins with. These tables belong to the helpers of this package (`transact`, the
 * relay, `startConsumer`, `idempotent`); a service's own SQL may only call `emit_event`.
 */
export const foundation = defineMigration((trx) =>
  sql`
-- Events that are to be published, and those that were, for as long as a lost stream may need them again.
-- data is json, not jsonb: it leaves exactly as it was written.
create table outbox (
  id uuid primary key default gen_random_uuid(),
  position bigint generated always as identity,
  subject text not null,
  type text not null,
  data json not null,
  traceparent text,
  created_at timestamptz not null default now(),
  published_at timestamptz,
  first_published_at timestamptz,
  stream text,
  stream_created text,
  stream_sequence bigint,
  failed_at timestamptz,
  error text,
  check ((published_at is null) or (stream is not null and stream_created is not null and stream_sequence is not null)),
  check ((failed_at is null) = (error is null))
);
create index outbox_waiting on outbox (position) where published_at is null and failed_at is null;
create index outbox_published on outbox (stream, stream_created, stream_sequence) where published_at is not null;
create index outbox_first_published on outbox (first_published_at) where published_at is not null;
create index outbox_failed on outbox (failed_at) where failed_at is not null;

-- Which consumer has handled which event.
create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamptz not null,
  primary key (consumer, event_id)
);
create index inbox_handled on inbox (handled_at);

-- Answers to requests that carried an idempotency key. body is json: the repeated answer is the first, to the byte.
create table idempotency_records (
  scope text not null,
  key text not null,
  request_hash text not null,
  status smallint,
  body json,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (scope, key)
);
create index idempotency_records_expires on idempotency_records (expires_at);

-- For triggers: emits an event of version 1 in the transaction of whatever statement fired them.
create function emit_event(event_name text, data json, traceparent text default null) returns uuid
language sql volatile
as $$
  insert into outbox (subject, type, data, traceparent)
  values (event_name, event_name || '.v1', data, traceparent)
  returning id
$$;

-- As the owner and with a fixed path, so that it works for whoever changes a table, and no other outbox is meant.
do $$
begin
  execute format('alter function emit_event(text, json, text) security definer set search_path = %I, pg_temp', current_schema());
end
$$;
`.execute(trx),
);
