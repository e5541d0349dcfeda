export type {
  AlwaysGenerated,
  Generated,
  Int8,
  Json,
  JsonValue,
  Numeric,
  Timestamp,
} from './column-types.ts';
export {
  type BatchConsumerOptions,
  type BatchItem,
  startBatchConsumer,
} from './consumers/start-batch-consumer.ts';
export {
  type ConsumerOptions,
  type EventHandler,
  type Incoming,
  onEvent,
  startConsumer,
} from './consumers/start-consumer.ts';
export { startWorker, type WorkerOptions, type WorkItem } from './consumers/start-worker.ts';
export { createDataContext, type DataContext, type DataContextOptions } from './context.ts';
export { createDatabase, type Database, type DatabaseOptions, type PoolStats } from './database.ts';
export { type IdempotentAnswer, type IdempotentInput, idempotent, isKeyKnown } from './idempotency.ts';
export { toJson } from './json.ts';
export { type MigrationStatus, migrate, readMigrationStatus } from './migrate/migrate.ts';
export { provisionRoles } from './migrate/roles.ts';
export { cleanUp, type KeepTimes, keepTimes } from './outbox/housekeeping.ts';
export {
  type OutboxRelay,
  type OutboxRelayOptions,
  type OutboxStats,
  startOutboxRelay,
} from './outbox/relay.ts';
export { dueReminder, type ExpiringCredentials, remindOfExpiry } from './remind-of-expiry.ts';
export {
  type AiSchema,
  type CallsSchema,
  type IdentitySchema,
  operatorRole,
  type PartnerSchema,
  type SchemaName,
  type Schemas,
  schemaNames,
  serviceRoles,
  type TicketsSchema,
  type WebhooksSchema,
} from './schemas/index.ts';
export { escapePattern, patternOf } from './search.ts';
export { type Emit, type EmitOptions, type Tools, type TransactOptions, transact } from './transact.ts';
export { isRetryableTransactionError, isTransientDatabaseError } from './transient.ts';
export { describeTables, writeTableTypes } from './types/write-table-types.ts';
