import { deleteAllStreams } from '../nats/wire.ts';
import { currentTestStack, workerNumber } from './config.ts';

export type { NatsServer } from '../nats/nats.ts';
export { freePort } from '../ports.ts';
export { bringTool } from '../tools/bring-tool.ts';
export { type WaitOptions, waitFor } from '../wait.ts';
export { createTestDatabase, type TestDatabase } from './databases.ts';
export { openQueryMeter, type QueryMeter } from './query-meter.ts';
export { type OwnPostgres, type OwnRedis, startNats, startPostgres, startRedis } from './servers.ts';
export { startService, type TestService } from './services.ts';

/** The run's nats-server, in an account with a JetStream of this vitest worker's own. */
export function testNatsUrl(): string {
  const { natsPort, natsAccounts } = currentTestStack();
  const account = workerNumber();
  if (account > natsAccounts)
    throw new Error(`The test NATS has ${natsAccounts} accounts: lower maxWorkers.`);
  return `nats://w${account}:w${account}@127.0.0.1:${natsPort}`;
}

/** Deletes all streams and consumers of this worker's account: a file starts from nothing. */
export async function resetNats(): Promise<void> {
  await deleteAllStreams(testNatsUrl());
}
