/** What the stack takes from the environment. Every read of `process.env` in this package is in a `config.ts`. */
export interface StackEnvironment {
  path: string | undefined;
  /** Where to keep everything instead of `.local`: a second stack beside the first, as tests need it. */
  localDir: string | undefined;
  databaseUrl: string | undefined;
  natsUrl: string | undefined;
  webhookSecret: string | undefined;
  webhookEncryptionKey: string | undefined;
  internalTokenSecret: string | undefined;
  identityEncryptionKey: string | undefined;
  anonKey: string | undefined;
  adminEmail: string | undefined;
  adminPassword: string | undefined;
  smtpUrl: string | undefined;
  /** Set while `npm test` runs: marks every process the run starts. */
  testRunId: string | undefined;
  /** Processes of `npm test` are halted for up to so long, again and again: see test-run/halts.ts. */
  testHaltSeconds: number;
  /** Which of vitest's parallel workers this is; undefined outside of them. */
  testWorker: number | undefined;
  isTerminal: boolean;
  wantsColour: boolean;
  portOf(variable: string, fallback: number): number;
  /** Everything, handed on to the services. */
  all: NodeJS.ProcessEnv;
}

/**
 * Throws, in words, when a URL cannot be one of these kinds. The URL itself is not repeated: it may hold a password.
 *
 * @param protocols with their colon, as in `URL`
 */
export function checkUrl(variable: string, url: string, protocols: readonly string[], example: string): void {
  if (URL.canParse(url) && protocols.includes(new URL(url).protocol)) return;
  throw new Error(
    `${variable} is no URL of the kind ${example}.\nCorrect it in the environment or in .env, or unset it to use one of our own.`,
  );
}

/** Empty variables count as unset, as in every `config.ts`. */
export function stackEnvironment(env: NodeJS.ProcessEnv = process.env): StackEnvironment {
  const isTerminal = process.stdout.isTTY === true;
  return {
    path: env.PATH,
    localDir: env.SWITCHBOARD_LOCAL_DIR || undefined,
    databaseUrl: env.DATABASE_URL || undefined,
    natsUrl: env.NATS_URL || undefined,
    webhookSecret: env.WEBHOOK_SECRET || undefined,
    webhookEncryptionKey: env.WEBHOOK_ENCRYPTION_KEY || undefined,
    internalTokenSecret: env.INTERNAL_TOKEN_SECRET || undefined,
    identityEncryptionKey: env.IDENTITY_ENCRYPTION_KEY || undefined,
    anonKey: env.ANON_KEY || undefined,
    adminEmail: env.ADMIN_EMAIL || undefined,
    adminPassword: env.ADMIN_PASSWORD || undefined,
    smtpUrl: env.SMTP_URL || undefined,
    testRunId: env.SWITCHBOARD_TEST_RUN || undefined,
    testHaltSeconds: Number(env.SWITCHBOARD_HALT_SECONDS || 0),
    testWorker: env.VITEST_POOL_ID ? Number(env.VITEST_POOL_ID) : undefined,
    isTerminal,
    wantsColour: isTerminal && !env.NO_COLOR,
    portOf(variable, fallback) {
      const text = env[variable];
      if (!text) return fallback;
      const port = Number(text);
      if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
      throw new Error(`${variable}=${text} is no port: give a number from 1 to 65535.`);
    },
    all: env,
  };
}
