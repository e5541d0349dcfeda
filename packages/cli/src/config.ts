/** What the command line takes from the environment. Empty variables count as unset. */
export interface Environment {
  readonly databaseUrl: string | undefined;
  readonly natsUrl: string | undefined;
  readonly webhookSecret: string | undefined;
}

export const readEnvironment = (env: NodeJS.ProcessEnv = process.env): Environment => ({
  databaseUrl: env.DATABASE_URL || undefined,
  natsUrl: env.NATS_URL || undefined,
  webhookSecret: env.WEBHOOK_SECRET || undefined,
});
