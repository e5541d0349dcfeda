import type { LocalDatabase } from '../local/database.ts';
import { localFiles, writePrivateJson } from '../local/files.ts';
import type { DemoKey, LocalSecrets } from '../local/secrets.ts';
import { withClient } from '../postgres/roles.ts';

export const DEMO_PARTNER = 'Demo Call Centre';

export interface DemoKeys {
  sandbox: DemoKey;
  production: DemoKey;
}

/**
 * The demo partner's two key pairs. Secrets are shown only when a key is made, so they are kept in our secrets file;
 * new ones are made when the database does not know the kept ones (it was replaced) or they are no longer active.
 *
 * @param webhookSecret what the services derive from: the operator's WEBHOOK_SECRET, which is never written down here,
 * else our own
 */
export async function provideDemoKeys(
  database: LocalDatabase,
  secrets: LocalSecrets,
  webhookSecret: string,
): Promise<DemoKeys> {
  const keys = await withClient(database.ownerUrl, async (client): Promise<DemoKeys> => {
    // The function derives the webhook secret from this; it is known to this session only.
    await client.query("select set_config('switchboard.webhook_secret', $1, false)", [webhookSecret]);

    const provide = async (environment: 'sandbox' | 'production'): Promise<DemoKey> => {
      const kept = secrets.demoKeys[environment];
      if (kept) {
        const known = await client.query(
          `select 1 from partner.partner_api_keys
           where id = $1 and is_active and (expires_at is null or expires_at > now() + interval '1 day')
             and partner.derive_webhook_secret(id, webhook_secret_version) = $2`,
          [kept.keyId, kept.webhookSecret],
        );
        if (known.rowCount) return kept;
      }
      const made = await client.query<{
        api_key: string;
        api_secret: string;
        key_id: string;
        webhook_secret: string;
      }>('select * from partner.generate_partner_api_key($1, $2)', [DEMO_PARTNER, environment]);
      const row = made.rows[0];
      if (!row) throw new Error('generate_partner_api_key gave no key');
      return {
        keyId: row.key_id,
        key: row.api_key,
        secret: row.api_secret,
        webhookSecret: row.webhook_secret,
      };
    };
    return { sandbox: await provide('sandbox'), production: await provide('production') };
  });
  secrets.demoKeys = keys;
  await writePrivateJson(localFiles.secrets, secrets);
  return keys;
}
