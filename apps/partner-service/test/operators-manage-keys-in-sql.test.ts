import {
  deriveWebhookSecret,
  hashKey,
  hasValidChecksum,
  keyPrefixes,
  partnerRpcs,
} from '@switchboard/contracts';
import { provisionRoles } from '@switchboard/db';
import { waitFor } from '@switchboard/stack/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPartner, type TestPartner, WEBHOOK_SECRET } from './support/partner.ts';

const PASSWORD = 'operator-password-of-this-test';

let partner: TestPartner;
let operator: pg.Client;

const connectAs = async (user: string): Promise<pg.Client> => {
  const url = new URL(partner.urls.admin);
  url.username = user;
  url.password = PASSWORD;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
};

beforeAll(async () => {
  partner = await startTestPartner();
  await provisionRoles({ url: partner.urls.admin, passwords: { operator: PASSWORD } });
  operator = await connectAs('switchboard_operator');
  await operator.query(`SET switchboard.webhook_secret = '${WEBHOOK_SECRET}'`);
});
afterAll(async () => {
  await operator.end();
  await partner.close();
});

const generate = async (environment = 'sandbox', name = 'CompanyX Call Center') => {
  // As the guide has it: no schema in front.
  const made = await operator.query(
    `SELECT * FROM generate_partner_api_key('${name}', '${environment}', NULL, 365)`,
  );
  return made.rows[0];
};
const verify = (pair: { api_key: string; api_secret: string }) =>
  partner.bus.request(partnerRpcs.verifyKey, {
    key_hash: hashKey(pair.api_key),
    secret_hash: hashKey(pair.api_secret),
  });
const changesOf = async (keyId: string) =>
  (
    await partner.rows<{ change: string }>(
      "SELECT data->>'change' AS change FROM partner.outbox WHERE subject = 'partner.key.changed' AND data->>'key_id' = $1 ORDER BY position",
      [keyId],
    )
  ).map((row) => row.change);

describe('generate_partner_api_key', () => {
  it('makes keys whose checksum the gateway accepts, and stores hashes alone', async () => {
    for (const [environment, prefix] of [
      ['sandbox', keyPrefixes.partnerSandbox],
      ['production', keyPrefixes.partnerProduction],
    ] as const) {
      const made = await generate(environment);
      expect(hasValidChecksum(made.api_key, prefix)).toBe(true);
      expect(hasValidChecksum(made.api_secret, keyPrefixes.partnerSecret)).toBe(true);
      expect(made.webhook_secret).toBe(
        deriveWebhookSecret(WEBHOOK_SECRET, { keyId: made.key_id, version: 1 }),
      );
      const stored = await partner.rows('SELECT * FROM partner.partner_api_keys WHERE id = $1', [
        made.key_id,
      ]);
      expect(stored[0]).toMatchObject({
        api_key_hash: hashKey(made.api_key),
        api_secret_hash: hashKey(made.api_secret),
        key_prefix: made.api_key.slice(0, 12),
        rate_limit_per_minute: 1000,
        is_active: true,
        created_by: 'switchboard_operator',
      });
      expect(JSON.stringify(stored)).not.toContain(made.api_secret);
      expect(await changesOf(made.key_id)).toEqual(['created']);
    }
  });

  it('agrees with the checksum in TypeScript on a thousand keys, each different', async () => {
    const keys = await partner.rows<{ key: string }>(
      "SELECT partner.generate_key('sk_') AS key FROM generate_series(1, 1000)",
    );
    expect(keys.every(({ key }) => hasValidChecksum(key, 'sk_'))).toBe(true);
    expect(new Set(keys.map(({ key }) => key)).size).toBe(1000);
    const characters = new Map<string, number>();
    for (const { key } of keys) {
      for (const each of key.slice(3, 33)) characters.set(each, (characters.get(each) ?? 0) + 1);
    }
    // 30,000 characters of 62: about 484 of each. Far outside of that, something is not random.
    expect(characters.size).toBe(62);
    expect(Math.min(...characters.values())).toBeGreaterThan(350);
    expect(Math.max(...characters.values())).toBeLessThan(650);
  });

  it('derives webhook secrets as TypeScript does, for short and long settings', async () => {
    for (const secret of ['s', 'x'.repeat(64), 'y'.repeat(65), 'ünï¢ödé 🎧'.repeat(20)]) {
      await partner.owner.query("SELECT set_config('switchboard.webhook_secret', $1, false)", [secret]);
      const keyId = partner.data.ids.next();
      const [row] = await partner.rows<{ secret: string }>(
        'SELECT partner.derive_webhook_secret($1, 3) AS secret',
        [keyId],
      );
      expect(row?.secret).toBe(deriveWebhookSecret(secret, { keyId, version: 3 }));
    }
  });

  it('says what to do when it does not know WEBHOOK_SECRET', async () => {
    const other = await connectAs('switchboard_operator');
    const notices: string[] = [];
    other.on('notice', (notice) => notices.push(`${notice.message} ${notice.hint}`));
    const made = await other.query("SELECT * FROM generate_partner_api_key('X', 'sandbox')");
    await other.end();
    expect(made.rows[0].webhook_secret).toBeNull();
    expect(notices.join()).toContain('WEBHOOK_SECRET');
  });

  it.each([
    ["'', 'sandbox'", /1 to 200 characters/],
    ["NULL, 'sandbox'", /1 to 200 characters/],
    ["'X', 'staging'", /sandbox or production/],
    ["'X', NULL", /sandbox or production/],
    ["'X', 'sandbox', NULL, 0", /1 to 36500/],
    ["'X', 'sandbox', '0192f0c1-2b3c-7d4e-8f50-617283940a1b'", /no company/],
  ])('refuses (%s)', async (values, words) => {
    await expect(operator.query(`SELECT generate_partner_api_key(${values})`)).rejects.toThrow(words);
  });

  it('binds to a company of the same environment only', async () => {
    const sandbox = await partner.makeKey();
    const { companyId } = await partner.makeCompany(sandbox);
    await expect(
      operator.query('SELECT generate_partner_api_key($1, $2, $3)', ['X', 'production', companyId]),
    ).rejects.toThrow(/no company/);
    const bound = await operator.query('SELECT * FROM generate_partner_api_key($1, $2, $3)', [
      'X',
      'sandbox',
      companyId,
    ]);
    const verdict = await verify(bound.rows[0]);
    expect(verdict).toMatchObject({ ok: true, principal: { company_id: companyId } });
  });

  it('makes a key without an end when the days are NULL', async () => {
    const made = await operator.query("SELECT * FROM generate_partner_api_key('X', 'sandbox', NULL, NULL)");
    expect(await verify(made.rows[0])).toMatchObject({ ok: true, valid_until: null });
  });
});

describe('a pair is refused, each time for its own reason and in the logs only', () => {
  it('unknown key, wrong secret, disabled, expired', async () => {
    const made = await generate();
    const other = await generate();
    expect(await verify({ ...made, api_key: 'pk_sandbox_x' })).toEqual({
      ok: false,
      reason: 'unknown_key',
      key_id: null,
    });
    expect(await verify({ ...made, api_secret: other.api_secret })).toEqual({
      ok: false,
      reason: 'wrong_secret',
      key_id: made.key_id,
    });
    await operator.query('UPDATE partner_api_keys SET is_active = false WHERE id = $1', [made.key_id]);
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'disabled' });
    await operator.query('UPDATE partner_api_keys SET is_active = true, expires_at = now() WHERE id = $1', [
      made.key_id,
    ]);
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'expired' });
    expect(await changesOf(made.key_id)).toEqual(['created', 'updated', 'updated']);
  });

  it('a good pair brings what the gateway needs', async () => {
    const made = await generate('production');
    await operator.query(
      "UPDATE partner_api_keys SET allowed_ips = '{203.0.113.7,10.0.0.0/8,2001:db8::/32}', rate_limit_per_minute = 7, permissions = '[\"jobs.read\"]' WHERE id = $1",
      [made.key_id],
    );
    expect(await verify(made)).toEqual({
      ok: true,
      principal: {
        kind: 'partner_key',
        key_id: made.key_id,
        partner_id: expect.any(String),
        partner_name: 'CompanyX Call Center',
        environment: 'production',
        company_id: null,
        permissions: ['jobs.read'],
      },
      allowed_ips: ['203.0.113.7/32', '10.0.0.0/8', '2001:db8::/32'],
      rate_limit_per_minute: 7,
      valid_until: expect.any(String),
    });
  });

  it('keys of one name belong to one partner', async () => {
    const [first, second, third] = [
      await generate(),
      await generate('production'),
      await generate('sandbox', 'Y'),
    ];
    const partnerOf = async (made: { api_key: string; api_secret: string }) => {
      const verdict = await verify(made);
      return verdict.ok ? verdict.principal.partner_id : null;
    };
    expect(await partnerOf(first)).toBe(await partnerOf(second));
    expect(await partnerOf(third)).not.toBe(await partnerOf(first));
  });

  it('all of them when the surface is switched off', async () => {
    const off = await startTestPartner({ enabled: false });
    try {
      // The service that is switched on answers too: a question goes to one of the two.
      const isSwitchedOff = await waitFor(async () => {
        const answer = await off.bus.request(partnerRpcs.verifyKey, {
          key_hash: hashKey('a'),
          secret_hash: hashKey('b'),
        });
        return !answer.ok && answer.reason === 'surface_disabled';
      });
      expect(isSwitchedOff).toBe(true);
    } finally {
      await off.close();
    }
  });
});

describe('rotate_partner_api_key', () => {
  it('gives a new secret and keeps the old one for the overlap', async () => {
    const made = await generate();
    const rotated = await operator.query("SELECT * FROM rotate_partner_api_key($1, '1 hour')", [made.key_id]);
    const [row] = rotated.rows;
    expect(hasValidChecksum(row.api_secret, 'sk_')).toBe(true);
    expect(row.webhook_secret).toBe(made.webhook_secret);
    expect(await verify({ ...made, api_secret: row.api_secret })).toMatchObject({ ok: true });
    const old = await verify(made);
    expect(old).toMatchObject({ ok: true, valid_until: row.old_secret_valid_until.toISOString() });
    await partner.rows(
      "UPDATE partner.partner_api_keys SET previous_secret_expires_at = now() - interval '1 second' WHERE id = $1",
      [made.key_id],
    );
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'wrong_secret' });
    expect(await changesOf(made.key_id)).toEqual(['created', 'updated', 'updated']);
  });

  it('ends the old one at once with an overlap of 0, and may change the webhook secret', async () => {
    const made = await generate();
    const rotated = await operator.query("SELECT * FROM rotate_partner_api_key($1, '0', true)", [
      made.key_id,
    ]);
    expect(await verify(made)).toMatchObject({ ok: false });
    expect(rotated.rows[0].webhook_secret).toBe(
      deriveWebhookSecret(WEBHOOK_SECRET, { keyId: made.key_id, version: 2 }),
    );
  });

  it('refuses nonsense', async () => {
    const made = await generate();
    for (const overlap of ["'-1 hour'", "'31 days'", 'NULL']) {
      await expect(
        operator.query(`SELECT rotate_partner_api_key('${made.key_id}', ${overlap})`),
      ).rejects.toThrow(/overlap/);
    }
    await expect(
      operator.query("SELECT rotate_partner_api_key('0192f0c1-2b3c-7d4e-8f50-617283940a1b')"),
    ).rejects.toThrow(/no partner key/);
  });
});

describe('revoke_partner_api_key', () => {
  it('is final, whoever tries to undo it', async () => {
    const made = await generate();
    await operator.query('SELECT revoke_partner_api_key($1)', [made.key_id]);
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'disabled' });
    expect(await changesOf(made.key_id)).toEqual(['created', 'revoked']);
    const undo = 'UPDATE partner.partner_api_keys SET is_active = true, revoked_at = NULL WHERE id = $1';
    await expect(partner.owner.query(undo, [made.key_id])).rejects.toThrow(/final/);
    await expect(operator.query('SELECT rotate_partner_api_key($1)', [made.key_id])).rejects.toThrow(/final/);
  });
});

describe('rights', () => {
  it('no service may call what operators call', async () => {
    for (const role of ['switchboard_partner', 'switchboard_ai', 'switchboard_webhooks']) {
      const allowed = await partner.rows<{ name: string }>(
        `SELECT p.proname AS name FROM pg_proc p
         WHERE p.pronamespace = 'partner'::regnamespace AND has_function_privilege($1, p.oid, 'execute')
           AND has_schema_privilege($1, 'partner', 'usage')
           AND p.proname ~ '^(generate_partner|rotate_partner|revoke_partner|get_partner|cleanup_partner)'`,
        [role],
      );
      expect(allowed).toEqual([]);
    }
    await expect(
      partner.data.db.connection().execute(async (db) => {
        const { sql } = await import('kysely');
        await sql`SELECT partner.generate_partner_api_key('X', 'sandbox')`.execute(db);
      }),
    ).rejects.toThrow(/permission denied/);
  });

  it('an operator sees logs and keys, and neither recordings nor password hashes', async () => {
    for (const table of ['partner_api_requests', 'webhook_logs', 'async_jobs', 'partner_api_keys']) {
      await operator.query(`SELECT * FROM ${table} LIMIT 1`);
    }
    for (const statement of [
      'SELECT * FROM job_audio',
      'SELECT password_hash FROM agents',
      "UPDATE partner_api_keys SET api_secret_hash = repeat('0', 64)",
      'DELETE FROM partner_api_keys',
      'SELECT * FROM ai.analyses',
      "SELECT generate_key('sk_')",
      "SELECT emit_event('partner.key.changed', '{}')",
    ]) {
      await expect(operator.query(statement)).rejects.toThrow(/permission denied/);
    }
  });

  it('a key that was only used is not announced as changed', async () => {
    const made = await generate();
    await partner.rows('UPDATE partner.partner_api_keys SET last_used_at = now() WHERE id = $1', [
      made.key_id,
    ]);
    expect(await changesOf(made.key_id)).toEqual(['created']);
    await partner.rows('DELETE FROM partner.partner_api_keys WHERE id = $1', [made.key_id]);
    expect(await changesOf(made.key_id)).toEqual(['created', 'revoked']);
  });
});
