import { deleteAllStreams } from '../nats/wire.ts';
import { currentTestStack, natsAccountNumber } from './config.ts';

export type { NatsServer } from '../nats/nats.ts';
export { freePort } from '../ports.ts';
export { bringTool } from '../tools/bring-tool.ts';
export { type WaitOptions, waitFor } from '../wait.ts';
export { createTestDatabase, type TestDatabase } from './databases.ts';
export { PATIENCE_MS, PATIENT_DATABASE, patientBus } from './patience.ts';
export { openQueryMeter, type QueryMeter } from './query-meter.ts';
export { type OwnPostgres, type OwnRedis, startNats, startPostgres, startRedis } from './servers.ts';
export { startService, type TestService } from './services.ts';

/** JSON that came from somewhere, of whatever shape: a test looks into it field by field, and says what it should be. */
// biome-ignore lint/suspicious/noExplicitAny: a shape that were promised here could not turn out to be wrong
export type AnyJson = any;

/** The run's nats-server, in an account with a JetStream that no other running test file has. */
export function testNatsUrl(): string {
  const { natsPort } = currentTestStack();
  const account = natsAccountNumber();
  return `nats://w${account}:w${account}@127.0.0.1:${natsPort}`;
}

/** Deletes all streams and consumers of this file's account: it starts from nothing. */
export async function resetNats(): Promise<void> {
  await deleteAllStreams(testNatsUrl());
}
