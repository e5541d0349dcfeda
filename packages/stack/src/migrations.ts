/** Brings a database to the present shape, as `switchboard db migrate` does. */
export async function migrateDatabase(
  url: string,
  log: (line: string) => void = () => undefined,
): Promise<void> {
  const db: { migrate?: (options: { url: string; log: (line: string) => void }) => Promise<unknown> } =
    await import('@switchboard/db').catch((error) => {
      console.warn(`No migrations: @switchboard/db cannot be loaded (${error.message})`);
      return {};
    });
  await db.migrate?.({ url, log });
}
