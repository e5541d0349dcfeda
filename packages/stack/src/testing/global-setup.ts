import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type NatsServer, startNats } from '../nats/nats.ts';
import { makePassword, startPostgres } from '../postgres/postgres.ts';
import { publishTestStack, WORKERS_MAX } from './config.ts';
import { openDirectory, prepareCluster, throwAwayDir } from './servers.ts';

const TEMPLATE = 'switchboard_template';
const NATS_ACCOUNTS = 8 * WORKERS_MAX;

/**
 * vitest's global set-up: one throw-away Postgres with a migrated template database and one nats-server for the
 * whole run, on free ports, gone with the run.
 */
export async function setup(): Promise<() => Promise<void>> {
  const dir = await throwAwayDir('test');
  await openDirectory(dir);
  const password = makePassword();
  const postgres = await startPostgres({ dataDir: join(dir, 'postgres'), password, durable: false });
  let nats: NatsServer | undefined;
  const endAll = async () => {
    await nats?.stop();
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    nats = await startNats({ dir: join(dir, 'nats'), accounts: NATS_ACCOUNTS });
    await prepareCluster(postgres.url, password, TEMPLATE);
  } catch (error) {
    await endAll();
    throw error;
  }
  publishTestStack({
    adminUrl: postgres.url,
    rolePassword: password,
    templateDatabase: TEMPLATE,
    natsPort: nats.port,
    natsAccounts: NATS_ACCOUNTS,
  });
  return endAll;
}
