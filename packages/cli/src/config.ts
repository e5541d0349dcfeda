import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the command line takes from the environment. Empty variables count as unset. */
export interface Environment {
  /** Of the gateway. */
  readonly url: string | undefined;
  /** An access token, instead of the stored session. */
  readonly token: string | undefined;
  /** Where sessions are kept. */
  readonly configDir: string;
  readonly databaseUrl: string | undefined;
  readonly natsUrl: string | undefined;
}

export const readEnvironment = (env: NodeJS.ProcessEnv = process.env): Environment => ({
  url: env.SWITCHBOARD_URL || undefined,
  token: env.SWITCHBOARD_TOKEN || undefined,
  configDir: join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'switchboard'),
  databaseUrl: env.DATABASE_URL || undefined,
  natsUrl: env.NATS_URL || undefined,
});
