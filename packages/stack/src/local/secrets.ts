import { randomBytes } from 'node:crypto';
import type { SchemaName } from '@switchboard/db';
import { type StackEnvironment, stackEnvironment } from '../config.ts';
import { makePassword } from '../postgres/postgres.ts';
import { makeAnonKey } from './anon-key.ts';
import { localFiles, readJson, writePrivateJson } from './files.ts';

/** The key pair of a demo partner, as shown once when it was made. */
export interface DemoKey {
  keyId: string;
  key: string;
  secret: string;
  webhookSecret: string;
}

/** Who signs in with e-mail and password. */
export interface DemoLogin {
  email: string;
  password: string;
}

/** A key pair of the calls surface, as shown once when it was made. */
export interface DemoApiKey {
  keyId: string;
  key: string;
  secret: string;
}

/** An integration token, as shown once when it was made. */
export interface DemoToken {
  tokenId: string;
  token: string;
}

/** An endpoint of webhooks, with its secret as shown once when it was made. */
export interface DemoEndpoint {
  id: string;
  secret: string;
}

/** What the local stack made up at its first start and needs again. Only its owner may read the file. */
export interface LocalSecrets {
  webhookSecret: string;
  webhookEncryptionKey: string;
  internalTokenSecret: string;
  identityEncryptionKey: string;
  anonKey: string;
  postgresPassword: string;
  ownerPassword: string;
  rolePasswords: Record<SchemaName, string>;
  admin: DemoLogin;
  user: DemoLogin;
  demoKeys: { sandbox?: DemoKey; production?: DemoKey };
  apiKey?: DemoApiKey;
  integrationToken?: DemoToken;
  webhookEndpoint?: DemoEndpoint;
}

const longSecret = (): string => randomBytes(32).toString('base64url');

/** Reads `.local/secrets.json`, making what is missing. */
export async function provideSecrets(path: string = localFiles.secrets): Promise<LocalSecrets> {
  const fresh: LocalSecrets = {
    webhookSecret: longSecret(),
    webhookEncryptionKey: longSecret(),
    internalTokenSecret: longSecret(),
    identityEncryptionKey: longSecret(),
    anonKey: makeAnonKey(),
    postgresPassword: makePassword(),
    ownerPassword: makePassword(),
    rolePasswords: {
      identity: makePassword(),
      calls: makePassword(),
      partner: makePassword(),
      tickets: makePassword(),
      ai: makePassword(),
      webhooks: makePassword(),
    },
    admin: { email: 'admin@example.com', password: makePassword() },
    user: { email: 'user@example.com', password: makePassword() },
    demoKeys: {},
  };
  const kept = await readJson(path);
  const secrets: LocalSecrets = isKept(kept)
    ? { ...fresh, ...kept, rolePasswords: { ...fresh.rolePasswords, ...kept.rolePasswords } }
    : fresh;
  await writePrivateJson(path, secrets);
  return secrets;
}

/** Ours, but for what the operator brings in the environment. For this run alone: it is not for any file that is kept. */
export function withOperatorsOwn(
  secrets: LocalSecrets,
  operator: StackEnvironment = stackEnvironment(),
): LocalSecrets {
  return {
    ...secrets,
    webhookSecret: operator.webhookSecret ?? secrets.webhookSecret,
    webhookEncryptionKey: operator.webhookEncryptionKey ?? secrets.webhookEncryptionKey,
    internalTokenSecret: operator.internalTokenSecret ?? secrets.internalTokenSecret,
    identityEncryptionKey: operator.identityEncryptionKey ?? secrets.identityEncryptionKey,
    anonKey: operator.anonKey ?? secrets.anonKey,
    admin: {
      email: operator.adminEmail ?? secrets.admin.email,
      password: operator.adminPassword ?? secrets.admin.password,
    },
  };
}

/** Written by this version or an older one, which knew fewer of them. */
function isKept(value: unknown): value is Partial<LocalSecrets> {
  return typeof value === 'object' && value !== null;
}
