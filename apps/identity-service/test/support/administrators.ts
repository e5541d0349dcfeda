import { createHash } from 'node:crypto';
import { type identityRpcs, identityRpcs as rpcs, type UserPrincipal } from '@switchboard/contracts';
import type { z } from 'zod';
import type { MadeUser, TestIdentity } from './identity.ts';

export const ADMIN_API = '/api/admin/v1';

/** What the gateway makes of a user's token. */
export const asPrincipal = (user: Pick<MadeUser, 'id' | 'email' | 'role'>): UserPrincipal => ({
  kind: 'user',
  user_id: user.id,
  email: user.email,
  role: user.role,
  business_id: null,
  session_id: null,
  origin: 'local',
});

export const makeAdministrator = async (
  identity: TestIdentity,
  role: 'admin' | 'super_admin' = 'super_admin',
): Promise<UserPrincipal> => asPrincipal(await identity.makeUser({ role }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Asks over NATS, as the gateway does. */
export const verifyPair = (
  { bus }: Pick<TestIdentity, 'bus'>,
  key: string,
  secret: string,
): Promise<z.output<typeof identityRpcs.verifyApiKey.reply>> =>
  bus.request(rpcs.verifyApiKey, { key_hash: sha256(key), secret_hash: sha256(secret) });

/** Every text that is stored anywhere in the schema, to look for a secret in. */
export const dumpSchema = async ({ rows }: Pick<TestIdentity, 'rows'>): Promise<string> => {
  const tables = await rows<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'identity' AND table_type = 'BASE TABLE'",
  );
  const dumps: string[] = [];
  for (const { name } of tables) {
    const found = await rows<{ row: string }>(
      `SELECT row_to_json(each)::text AS row FROM identity.${name} AS each`,
    );
    dumps.push(...found.map(({ row }) => row));
  }
  return dumps.join('\n');
};
