import { type RouteContract, routes } from '@switchboard/contracts';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchPatiently } from './support/fetch-patiently.ts';
import { type Platform, startPlatform } from './support/platform.ts';

/*
 * Every route of the administration API, whatever is added: who may not use it gets nowhere, through the real gateway and
 * the real services. Nothing here names a route.
 */
const ID = '0192f0c1-2b3c-7d4e-8f50-617283940a99';
const FOREIGN_SECRET = 'the-secret-of-a-supabase-project-that-is-not-ours-01';
const adminRoutes = routes.filter(
  (route) => route.path.startsWith('/api/admin/v1/') && route.credentials.includes('user'),
);

let platform: Platform;
let headersOf: Readonly<Record<string, Record<string, string>>>;
beforeAll(async () => {
  platform = await startPlatform(
    { gateway: { CREDENTIAL_REFUSALS_PER_MINUTE: '100000' } },
    { without: ['ai-service'] },
  );
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const signedIn = async (role: 'user' | 'agent' | 'admin') =>
    bearer((await platform.createUser({ role })).accessToken);
  const partner = await platform.createKey();
  const apiKey = await platform.createApiKey();
  const token = await platform.createIntegrationToken();
  const superAdmin = await platform.admin();
  const [head, body, signature = ''] = superAdmin.split('.');
  headersOf = {
    nobody: {},
    'the anon key': { apikey: platform.anonKey, ...bearer(platform.anonKey) },
    'a partner key': { ...bearer(partner.key), 'x-api-secret': partner.secret },
    'an API key': { 'x-api-key': apiKey.key, 'x-api-secret': apiKey.secret },
    'an integration token': bearer(token.token),
    'a token of another project': bearer(
      jwt.sign(
        { sub: ID, aud: 'authenticated', role: 'authenticated', app_metadata: { role: 'super_admin' } },
        FOREIGN_SECRET,
        { expiresIn: 600 },
      ),
    ),
    'an altered token': bearer(`${head}.${body}.${signature.slice(0, -4)}AAAA`),
    'an impersonating header': {
      'x-principal': JSON.stringify({ kind: 'user', role: 'super_admin' }),
      'x-internal-token': superAdmin,
    },
    user: await signedIn('user'),
    agent: await signedIn('agent'),
    admin: await signedIn('admin'),
    super_admin: bearer(superAdmin),
  };
}, 180_000);
afterAll(() => platform?.stop());

const call = async (route: RouteContract, who: string) => {
  const path = route.path.replaceAll(/:\w+/g, ID);
  const hasBody = route.method !== 'GET' && route.method !== 'DELETE';
  const answer = await fetchPatiently(platform.gatewayUrl + path, {
    method: route.method,
    headers: { ...headersOf[who], ...(hasBody ? { 'content-type': 'application/json' } : {}) },
    // Faulty on purpose: whoever is let in changes nothing.
    ...(hasBody ? { body: '{"no_such_field":1,"name":7,"email":7,"partner_name":7,"headers":7}' } : {}),
  });
  return { status: answer.status, body: await answer.text(), type: answer.headers.get('content-type') };
};

test('there are routes to try', () => expect(adminRoutes.length).toBeGreaterThan(25));

describe.each(adminRoutes)('$method $path', (route) => {
  test('takes nobody but users of its roles', async () => {
    expect(route.roles).toBeDefined();
    for (const who of Object.keys(headersOf)) {
      const { status, body, type } = await call(route, who);
      const told = { who, status, code: JSON.parse(body || '{}').code };
      const isUser = ['user', 'agent', 'admin', 'super_admin'].includes(who);
      if (!isUser) expect(told).toMatchObject({ who, status: 401 });
      else if (!(route.roles as readonly string[]).includes(who)) {
        expect(told).toMatchObject({ who, status: 403, code: 'INSUFFICIENT_ROLE' });
      } else expect([401, 403, 429, 500, 502, 503]).not.toContain(told.status);
      if (status >= 400) expect(type).toContain('application/problem+json');
    }
  });
});
