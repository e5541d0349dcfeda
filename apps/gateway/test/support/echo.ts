import {
  type CredentialKind,
  defineRoute,
  type Principal,
  principalSchema,
  type RouteContract,
} from '@switchboard/contracts';
import { startRawUpstream } from './upstream.ts';

export interface Echoed {
  readonly method: string;
  /** Path and query as the service got them. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Who the gateway says it is; null where no credential is taken. */
  readonly principal: Principal | null;
  readonly body: string;
}

const principalIn = (token: string | undefined): Principal | null => {
  if (token === undefined) return null;
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return principalSchema.parse(claims.principal);
};

/** A service that answers with what it was sent, and keeps it. It tries to set a cookie each time. */
export const startEcho = async () => {
  const seen: Echoed[] = [];
  const upstream = await startRawUpstream((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      const echoed: Echoed = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers,
        principal: principalIn(headers['x-internal-token']),
        body: Buffer.concat(chunks).toString(),
      };
      seen.push(echoed);
      response
        .writeHead(200, { 'content-type': 'application/json', 'set-cookie': 'a=1' })
        .end(JSON.stringify(echoed));
    });
  });
  return { ...upstream, seen };
};
export type Echo = Awaited<ReturnType<typeof startEcho>>;

/** A route for a test: the echo stands behind it, whatever service it names. */
export const testRoute = (
  path: string,
  credentials: readonly CredentialKind[],
  more: Partial<RouteContract> = {},
): RouteContract =>
  defineRoute({
    id: `test ${more.method ?? 'GET'} ${path}`,
    summary: 'Says what it was sent',
    source: 'this test',
    method: 'GET',
    path,
    service: 'partner-service',
    surface: 'platform',
    credentials,
    responses: { 200: { description: 'What was sent' } },
    errors: [],
    ...more,
  });
