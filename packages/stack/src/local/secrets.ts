import { randomBytes } from 'node:crypto';
import type { SchemaName } from '@switchboard/db';
import { makePassword } from '../postgres/postgres.ts';
import { localFiles, readJson, writePrivateJson } from './files.ts';

/** The key pair of a demo partner, as shown once when it was made. */
export interface DemoKey {
  keyId: string;
  key: string;
  secret: string;
  webhookSecret: string;
}

/** What the local stack made up at its first start and needs again. Only its owner may read the file. */
export interface LocalSecrets {
  webhookSecret: string;
  internalTokenSecret: string;
  postgresPassword: string;
  ownerPassword: string;
  rolePasswords: Record<SchemaName, string>;
  demoKeys: { sandbox?: DemoKey; production?: DemoKey };
}

/** Reads `.local/secrets.json`, making what is missing. */
export async function provideSecrets(path: string = localFiles.secrets): Promise<LocalSecrets> {
  const fresh: LocalSecrets = {
    webhookSecret: randomBytes(32).toString('base64url'),
    internalTokenSecret: randomBytes(32).toString('base64url'),
    postgresPassword: makePassword(),
    ownerPassword: makePassword(),
    rolePasswords: {
      identity: makePassword(),
      partner: makePassword(),
      tickets: makePassword(),
      ai: makePassword(),
      webhooks: makePassword(),
    },
    demoKeys: {},
  };
  const kept = await readJson(path);
  const secrets: LocalSecrets = isKept(kept)
    ? { ...fresh, ...kept, rolePasswords: { ...fresh.rolePasswords, ...kept.rolePasswords } }
    : fresh;
  await writePrivateJson(path, secrets);
  return secrets;
}

/** Written by this version or an older one, which knew fewer of them. */
function isKept(value: unknown): value is Partial<LocalSecrets> {
  return typeof value === 'object' && value !== null;
}
