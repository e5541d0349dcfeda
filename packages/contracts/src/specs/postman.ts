import { z } from 'zod';
import { routes } from '../registry.ts';
import type { RouteContract } from '../route.ts';
import { routeExamples } from './examples.ts';

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';

/** What answers bring and later requests need; kept by a script of the request. */
const keptFrom: Readonly<Record<string, string>> = {
  'partner.companies.create': 'company_id',
  'partner.agents.create': 'agent_id',
  'partner.calls.analyze': 'job_id',
};
const filledIn = ['company_id', 'agent_id', 'job_id', 'call_id', 'delivery_id'];

const bodyOf = (route: RouteContract): Record<string, unknown> | undefined => {
  const example = routeExamples[route.id]?.body;
  if (typeof example !== 'object' || example === null) return undefined;
  const entries = Object.entries(example).map(([name, value]) => [
    name,
    filledIn.includes(name) ? `{{${name}}}` : value,
  ]);
  return {
    mode: 'raw',
    raw: JSON.stringify(Object.fromEntries(entries), null, 2),
    options: { raw: { language: 'json' } },
  };
};

const itemOf = (route: RouteContract): Record<string, unknown> => {
  const path = route.path.replace(/:(\w+)/g, '{{$1}}').slice(1);
  const query = route.query instanceof z.ZodObject ? Object.keys(route.query.shape) : [];
  const body = bodyOf(route);
  const kept = keptFrom[route.id];
  return {
    name: route.summary,
    request: {
      method: route.method,
      description: [route.description, route.permission && `Needs \`${route.permission}\`.`]
        .filter(Boolean)
        .join('\n\n'),
      header: [
        { key: 'X-API-Secret', value: '{{api_secret}}' },
        ...(body ? [{ key: 'Content-Type', value: 'application/json' }] : []),
        ...(route.idempotent ? [{ key: 'X-Idempotency-Key', value: '{{$guid}}' }] : []),
      ],
      ...(body ? { body } : {}),
      url: {
        raw: `{{base_url}}/${path}`,
        host: ['{{base_url}}'],
        path: path.split('/'),
        // Switched off until somebody wants them.
        query: query.map((key) => ({ key, value: '', disabled: true })),
      },
    },
    ...(kept === undefined
      ? {}
      : {
          event: [
            {
              listen: 'test',
              script: {
                type: 'text/javascript',
                exec: [
                  `const { ${kept} } = pm.response.json();`,
                  `if (${kept}) pm.collectionVariables.set('${kept}', ${kept});`,
                ],
              },
            },
          ],
        }),
  };
};

/** The Postman collection that the partner guide names: every route of the partner surface, ready to send. */
export const buildPostmanCollection = (version: string): Record<string, unknown> => ({
  info: {
    name: 'Switchboard Partner API',
    description:
      'Fill in api_key and api_secret; ids that answers bring are kept for the requests after them.',
    version,
    schema: SCHEMA,
  },
  auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{api_key}}', type: 'string' }] },
  variable: [
    { key: 'base_url', value: 'http://127.0.0.1:3000' },
    { key: 'api_key', value: 'pk_sandbox_...' },
    { key: 'api_secret', value: 'sk_...' },
    ...filledIn.map((key) => ({ key, value: '' })),
  ],
  item: routes.filter((route) => route.surface === 'partner').map(itemOf),
});
