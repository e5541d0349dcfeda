import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestAdmin, type TestAdmin } from './support/admin.ts';

let service: TestAdmin;
beforeAll(async () => {
  service = await startTestAdmin();
});
afterAll(() => service.close());

test('an endpoint is made, shown and listed; its secret is shown once', async () => {
  const made = await service.makeEndpoint('http://127.0.0.1:3999/hook');
  expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const shown = await service.ask('GET', `/endpoints/${made.id}`);
  expect(shown).toMatchObject({ status: 200, body: { id: made.id, status: 'enabled', last_sequence: 0 } });
  expect(JSON.stringify(shown.body)).not.toContain('whsec_');
  const listed = await service.ask('GET', '/endpoints');
  expect(listed.body.endpoints).toEqual([shown.body]);
});
