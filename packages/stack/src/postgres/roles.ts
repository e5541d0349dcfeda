import pg from 'pg';

/** The schemas of the services, and the role each service connects with. */
export const SERVICE_ROLES = {
  partner: 'switchboard_partner',
  ai: 'switchboard_ai',
  webhooks: 'switchboard_webhooks',
} as const;

export type ServiceSchema = keyof typeof SERVICE_ROLES;

/** The role that owns the tables: may make roles and databases, is no superuser, like on a managed Postgres. */
export const OWNER_ROLE = 'switchboard_owner';

/** Makes the owner role if need be and sets its password. */
export async function provideOwner(adminUrl: string, password: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    await createRole(client, OWNER_ROLE);
    await client.query(
      `alter role ${OWNER_ROLE} login createdb createrole password ${pg.escapeLiteral(password)}`,
    );
  });
}

/** Lets the services' roles log in. The migrations make them without LOGIN; whoever deploys gives them a password. */
export async function openServiceRoles(
  adminUrl: string,
  passwords: Readonly<Record<ServiceSchema, string>>,
): Promise<void> {
  await withClient(adminUrl, async (client) => {
    for (const schema of serviceSchemas()) {
      const role = SERVICE_ROLES[schema];
      await createRole(client, role);
      await client.query(`alter role ${role} login password ${pg.escapeLiteral(passwords[schema])}`);
    }
  });
}

/** Makes a database unless it exists. */
export async function provideDatabase(adminUrl: string, name: string, owner: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const found = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (found.rowCount) return;
    await client.query(`create database ${pg.escapeIdentifier(name)} owner ${pg.escapeIdentifier(owner)}`);
  });
}

export function serviceSchemas(): ServiceSchema[] {
  return ['partner', 'ai', 'webhooks'];
}

/** The same server, another user and database. */
export function urlWith(url: string, user: string, password: string, database: string): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(user);
  changed.password = encodeURIComponent(password);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** One connection for the time of `work`. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function createRole(client: pg.Client, role: string): Promise<void> {
  const found = await client.query('select 1 from pg_roles where rolname = $1', [role]);
  if (!found.rowCount) await client.query(`create role ${role} nologin`);
}
