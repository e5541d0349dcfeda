import { readFileSync } from 'node:fs';
import { silentLog } from '@switchboard/bus';
import { createUuidV7Ids, systemClock, webhookEvents } from '@switchboard/contracts';
import { createDatabase, createDataContext } from '@switchboard/db';
import { createTestDatabase } from '@switchboard/stack/testing';
import pg from 'pg';
import { expect, test } from 'vitest';
import { renameCompany } from '../examples/sending-webhooks/rename-company.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the code of the guide is the code that is type-checked and run here', () => {
  const [, code] = /```ts\n(.*?)```/s.exec(read('docs/sending-webhooks.md')) ?? [];
  expect(code).toBe(read('examples/sending-webhooks/rename-company.ts'));
});

test('it changes the state and tells the owner, both or neither', async () => {
  const testDatabase = await createTestDatabase();
  const database = createDatabase({
    url: testDatabase.urlFor('partner'),
    schema: 'partner',
    applicationName: 'test',
    log: silentLog,
  });
  const ids = createUuidV7Ids();
  const data = createDataContext({
    database,
    source: 'partner-service',
    clock: systemClock,
    ids,
    log: silentLog,
  });
  const company = { id: ids.next(), name: 'Acme' };
  await data.db
    .insertInto('companies')
    .values({ ...company, environment: 'sandbox', contact_email: 'a@example.com' })
    .execute();
  const principal = {
    kind: 'partner_key',
    key_id: ids.next(),
    partner_id: ids.next(),
    partner_name: 'Acme',
    environment: 'sandbox',
    company_id: null,
    permissions: { all: true },
  } as const;

  await renameCompany(data, principal, { ...company, name: 'Acme & Söhne' });
  // A name that the table refuses: nobody hears of it.
  await expect(renameCompany(data, principal, { ...company, name: '' })).rejects.toThrow();

  const [{ name } = { name: '' }] = await data.db.selectFrom('companies').select('name').execute();
  expect(name).toBe('Acme & Söhne');
  const client = new pg.Client({ connectionString: testDatabase.urlFor('partner') });
  await client.connect();
  const { rows } = await client.query('select type, data from partner.outbox');
  await client.end();
  expect(rows).toHaveLength(1);
  const [event] = rows;
  expect(event?.type).toContain(webhookEvents.messagePublished.name);
  const message = webhookEvents.messagePublished.data.parse(event?.data);
  expect(message).toMatchObject({ owner: `partner_key:${principal.key_id}`, environment: 'sandbox' });
  expect(JSON.parse(message.body)).toMatchObject({
    type: 'company.renamed',
    data: { name: 'Acme & Söhne' },
  });
  await database.close();
  await testDatabase.drop();
});
