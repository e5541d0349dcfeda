import pg from 'pg';

/** The role that owns the tables: may make roles and databases, is no superuser, like on a managed Postgres. */
export const OWNER_ROLE = 'switchboard_owner';

/** Makes the owner role if need be and sets its password. */
export async function provideOwner(adminUrl: string, password: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const found = await client.query('select 1 from pg_roles where rolname = $1', [OWNER_ROLE]);
    const verb = found.rowCount ? 'alter' : 'create';
    await client.query(
      `${verb} role ${OWNER_ROLE} login createdb createrole password ${pg.escapeLiteral(password)}`,
    );
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
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
