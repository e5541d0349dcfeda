import { localFiles, writePrivateJson } from '../local/files.ts';
import type { DemoApiKey, DemoEndpoint, DemoLogin, DemoToken, LocalSecrets } from '../local/secrets.ts';
import { AnswerError, type ApiClient, createApiClient, textOf } from './api-client.ts';

/** Who can sign in, and what programs present, beside the demo partner. */
export interface DemoPeople {
  admin: DemoLogin;
  user: DemoLogin;
  apiKey: { key: string; secret: string };
  integrationToken: string;
  /** Its address is the demo's own receiver. */
  webhookEndpoint: DemoEndpoint;
}

/** Where webhooks of the demo go, and whose they are. */
interface DemoTarget {
  url: string;
  /** Of the demo partner's sandbox, where plain http is allowed. */
  owner: string;
}

const NAME = 'Demo';
const TOKEN_NAME = 'Demo helpdesk';
const DAY_MS = 86_400_000;

/**
 * The demo user, API key, integration token and endpoint of webhooks, made through the administration API by the demo administrator, whom
 * identity-service made at its boot. Kept in our secrets file and checked at each start; new ones are made when the
 * database does not know the kept ones (it was replaced) or they were ended.
 *
 * @param effective with what the operator brings, which is never written down
 */
export async function provideDemoPeople(
  baseUrl: string,
  secrets: LocalSecrets,
  effective: LocalSecrets,
  target: DemoTarget,
): Promise<DemoPeople> {
  return asAdministrator(baseUrl, effective, async (admin, auth) => {
    await provideUser(auth, admin, effective.user);
    const apiKey = await provideApiKey(admin, secrets.apiKey);
    const integrationToken = await provideToken(admin, secrets.integrationToken);
    const webhookEndpoint = await provideEndpoint(admin, secrets.webhookEndpoint, target);
    secrets.webhookEndpoint = webhookEndpoint;
    secrets.apiKey = apiKey;
    secrets.integrationToken = integrationToken;
    await writePrivateJson(localFiles.secrets, secrets);
    return {
      admin: effective.admin,
      user: effective.user,
      apiKey: { key: apiKey.key, secret: apiKey.secret },
      integrationToken: integrationToken.token,
      webhookEndpoint,
    };
  });
}

/** Does something with the administration API as the demo administrator, whose session ends with it. */
export async function asAdministrator<Result>(
  baseUrl: string,
  effective: LocalSecrets,
  work: (admin: ApiClient, auth: ApiClient) => Promise<Result>,
): Promise<Result> {
  const auth = createApiClient(`${baseUrl}/auth/v1`, { apikey: effective.anonKey });
  const token = await signIn(auth, effective.admin).catch((error: Error) => {
    throw isRefusal(error) ? new Error(strangerAdvice(effective.admin.email)) : error;
  });
  const bearer = { apikey: effective.anonKey, authorization: `Bearer ${token}` };
  const result = await work(createApiClient(`${baseUrl}/api/admin/v1`, bearer), auth);
  await auth.post('/logout?scope=local', {}, bearer);
  return result;
}

async function signIn(auth: ApiClient, { email, password }: DemoLogin): Promise<string> {
  return textOf(await auth.post('/token?grant_type=password', { email, password }), 'access_token');
}

async function provideUser(auth: ApiClient, admin: ApiClient, user: DemoLogin): Promise<void> {
  try {
    const token = await signIn(auth, user);
    await auth.post('/logout?scope=local', {}, { authorization: `Bearer ${token}` });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await admin.post('/users', { ...user, role: 'user' });
  }
}

async function provideApiKey(admin: ApiClient, kept: DemoApiKey | undefined): Promise<DemoApiKey> {
  if (kept && (await isActive(admin, `/api-keys/${kept.keyId}`))) return kept;
  const made = await admin.post('/api-keys', { name: NAME });
  return { keyId: textOf(made, 'id'), key: textOf(made, 'api_key'), secret: textOf(made, 'api_secret') };
}

async function provideToken(admin: ApiClient, kept: DemoToken | undefined): Promise<DemoToken> {
  if (kept && (await isActive(admin, `/integration-tokens/${kept.tokenId}`))) return kept;
  const made = await admin.post('/integration-tokens', { name: TOKEN_NAME });
  return { tokenId: textOf(made, 'id'), token: textOf(made, 'token') };
}

async function provideEndpoint(
  admin: ApiClient,
  kept: DemoEndpoint | undefined,
  target: DemoTarget,
): Promise<DemoEndpoint> {
  // One of another address is another receiver's: the port of ours may have moved.
  const found = kept && (await findEndpoint(admin, kept.id));
  if (kept && found?.url === target.url && found.owner === target.owner) return kept;
  const made = await admin.post('/webhooks/endpoints', {
    ...target,
    environment: 'sandbox',
    event_types: ['*'],
    description: NAME,
  });
  return { id: textOf(made, 'id'), secret: textOf(made, 'secret') };
}

async function findEndpoint(admin: ApiClient, id: string): Promise<Record<string, unknown> | undefined> {
  try {
    return await admin.get(`/webhooks/endpoints/${id}`);
  } catch (error) {
    if (error instanceof AnswerError && error.status === 404) return undefined;
    throw error;
  }
}

async function isActive(admin: ApiClient, path: string): Promise<boolean> {
  try {
    const { status = 'active', is_active = true, revoked_at, expires_at } = await admin.get(path);
    const endsSoon = typeof expires_at === 'string' && Date.parse(expires_at) < Date.now() + DAY_MS;
    return status === 'active' && is_active === true && !revoked_at && !endsSoon;
  } catch (error) {
    if (error instanceof AnswerError && error.status === 404) return false;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof AnswerError && error.status === 400;
}

function strangerAdvice(email: string): string {
  return [
    `The demo administrator ${email} cannot sign in: this database has another password for it, or other administrators.`,
    'Set ADMIN_EMAIL and ADMIN_PASSWORD to those of a super_admin, or begin with an empty database.',
  ].join('\n');
}
