/** What the stack takes from the environment. Every read of `process.env` in this package is here. */
export interface StackEnvironment {
  path: string | undefined;
  home: string | undefined;
  databaseUrl: string | undefined;
  natsUrl: string | undefined;
  redisUrl: string | undefined;
  isTerminal: boolean;
  /** Everything else, handed on to the services unchanged. */
  all: NodeJS.ProcessEnv;
}

/** Empty variables count as unset, as in every `config.ts`. */
export function stackEnvironment(env: NodeJS.ProcessEnv = process.env): StackEnvironment {
  return {
    path: env.PATH,
    home: env.HOME,
    databaseUrl: env.DATABASE_URL || undefined,
    natsUrl: env.NATS_URL || undefined,
    redisUrl: env.REDIS_URL || undefined,
    isTerminal: process.stdout.isTTY === true,
    all: env,
  };
}
