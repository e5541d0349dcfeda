import { z } from 'zod';
import type { CredentialKind } from '../credentials/principal.ts';
import { AppError, errors } from '../errors/app-error.ts';
import { type ErrorCode, errorCatalogue } from '../errors/catalogue.ts';
import { type Dialect, errorContentType, renderError } from '../errors/render.ts';
import { platformHealthAnswer } from '../gateway/health.ts';
import { limitGroups } from '../limits.ts';
import { callbackSchema } from '../partner/schemas.ts';
import { routes } from '../registry.ts';
import { answersWithPages, type RouteContract } from '../route.ts';
import { surfaces } from '../surfaces.ts';
import { dialectSchemaName, dialectSchemas } from './dialect-schemas.ts';
import { callbackExample, platformHealthExample, routeExamples } from './examples.ts';
import { createSchemaWriter, type JsonSchema } from './json-schemas.ts';
import { headerComponents, limitHeaders, securityOf, securitySchemes } from './openapi-parts.ts';

const AT = new Date('2024-12-15T10:30:00.000Z');
const header = (name: string) => ({ $ref: `#/components/headers/${name}` });
const headersOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, header(name)]));

const KINDS_WITH_IP_LISTS: ReadonlySet<CredentialKind> = new Set([
  'partner_key',
  'api_key',
  'integration_token',
]);

/** A realtime route tells limits, refusals and faults on the socket, by a frame and a close code. */
const isSocket = (route: RouteContract): boolean => route.upgrade === 'websocket';

/** What the gateway itself may answer on a route, on top of the errors that its contract names. */
const gatewayErrors = (route: RouteContract): readonly ErrorCode[] =>
  isSocket(route) ? ['SERVICE_UNAVAILABLE'] : gatewayErrorsOfRequests(route);

const gatewayErrorsOfRequests = (route: RouteContract): readonly ErrorCode[] => [
  // A body that the route does not ask for is read and checked all the same.
  ...(route.method === 'GET'
    ? []
    : (['INVALID_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const)),
  // NUL and a bad percent-encoding are refused in any parameter.
  ...(route.params || route.query ? (['INVALID_PARAMETER'] as const) : []),
  ...(route.idempotent ? (['INVALID_IDEMPOTENCY_KEY'] as const) : []),
  ...(route.credentials.length > 0
    ? (['MISSING_CREDENTIAL', 'INVALID_CREDENTIAL', 'WRONG_CREDENTIAL_KIND'] as const)
    : []),
  ...(route.credentials.some((kind) => KINDS_WITH_IP_LISTS.has(kind)) ? (['IP_NOT_ALLOWED'] as const) : []),
  ...(route.credentials.includes('integration_token') ? (['ENDPOINT_NOT_ALLOWED'] as const) : []),
  ...(route.roles ? (['INSUFFICIENT_ROLE'] as const) : []),
  ...(route.permission ? (['INSUFFICIENT_PERMISSIONS'] as const) : []),
  ...(route.limitGroup ? (['RATE_LIMIT_EXCEEDED'] as const) : []),
  'INTERNAL_ERROR',
  'BAD_GATEWAY',
  'SERVICE_UNAVAILABLE',
  'GATEWAY_TIMEOUT',
];

const exampleError = (code: ErrorCode, route: RouteContract): AppError => {
  if (code === 'INSUFFICIENT_PERMISSIONS') return errors.insufficientPermissions(route.permission ?? '');
  if (code === 'RATE_LIMIT_EXCEEDED') return errors.rateLimited(30, 1000);
  if (code === 'UNSUPPORTED_MEDIA_TYPE') return errors.unsupportedMediaType(mediaTypesOf(route));
  if (code === 'INVALID_INPUT') return errors.invalidInput([{ field: 'name', message: 'must not be empty' }]);
  return new AppError(code);
};

const mediaTypesOf = (route: RouteContract): readonly string[] => route.consumes ?? ['application/json'];

/** One component per dialect, status and set of codes, so that equal answers are written once. */
const createErrorResponses = () => {
  const components: Record<string, unknown> = {};
  return {
    components,
    responsesOf: (route: RouteContract, dialect: Dialect): Record<string, unknown> => {
      const codes = [...new Set([...route.errors, ...gatewayErrors(route)])];
      const byStatus = Map.groupBy(codes, (code) => errorCatalogue[code].status);
      const out: Record<string, unknown> = {};
      for (const [status, group] of [...byStatus].sort(([a], [b]) => a - b)) {
        const permission = group.includes('INSUFFICIENT_PERMISSIONS') ? `.${route.permission}` : '';
        const media = status === 415 ? `.${mediaTypesOf(route).length}` : '';
        const isPage = answersWithPages(route);
        const isLimited = route.limitGroup !== undefined && !isSocket(route);
        const limited = isLimited ? '' : '.unlimited';
        const name = `${isPage ? 'page' : dialect}.${status}.${group.toSorted().join('.')}${permission}${media}${limited}`;
        components[name] ??= {
          description: group.map((code) => errorCatalogue[code].message).join(', or: '),
          headers: headersOf([
            'X-Request-Id',
            ...(isLimited ? limitHeaders : []),
            ...(status === 426 ? ['Upgrade'] : []),
            ...(status === 429 || status === 503 ? ['Retry-After'] : []),
          ]),
          content: isPage
            ? { 'text/html': { schema: { type: 'string' } } }
            : {
                [errorContentType(dialect).split(';', 1)[0] ?? '']: {
                  schema: { $ref: `#/components/schemas/${dialectSchemaName(dialect)}` },
                  examples: Object.fromEntries(
                    group.map((code) => [
                      code,
                      { value: renderError(dialect, exampleError(code, route), AT) },
                    ]),
                  ),
                },
              },
        };
        out[status] = { $ref: `#/components/responses/${name}` };
      }
      return out;
    },
  };
};

const parametersOf = (
  place: 'path' | 'query',
  schema: z.ZodType | undefined,
  write: (schema: z.ZodType) => JsonSchema,
  examples: Readonly<Record<string, string>> = {},
): unknown[] => {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: place,
    required: place === 'path' || !z.safeParse(z.object({ field }), {}).success,
    schema: write(field),
    ...(examples[name] === undefined ? {} : { example: examples[name] }),
  }));
};

const idempotencyParameter = {
  name: 'X-Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Or `Idempotency-Key`. The same key with the same body gets the first answer again, for 24 hours; with another ' +
    'body 409.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
  example: 'unique-request-id-123',
};

const callbackItem = (schema: JsonSchema) => ({
  post: {
    operationId: 'partner.callback',
    summary: 'An analysis is over',
    description:
      'Sent to the `webhook_url` of a job when it completes or fails: at once, after 60 s and after 300 s until you ' +
      'answer 2xx within 30 s. `X-Partner-Signature` is the hex HMAC-SHA256 of the body, keyed with the webhook ' +
      'secret of your key.',
    tags: ['partner'],
    security: [],
    parameters: [
      ['X-Partner-Signature', 'Hex HMAC-SHA256 of the exact body bytes', '^[0-9a-f]{64}$'],
      ['X-Webhook-Attempt', '1, 2 or 3', '^[1-3]$'],
      ['X-Webhook-ID', 'The job id, the same over every attempt', undefined],
      ['webhook-id', 'Standard Webhooks: the same over every attempt', undefined],
      ['webhook-timestamp', 'Standard Webhooks: epoch seconds of this attempt', '^[0-9]+$'],
      ['webhook-signature', 'Standard Webhooks: `v1,` and the base64 signature', '^v1,'],
    ].map(([name, description, pattern]) => ({
      name,
      in: 'header',
      required: true,
      description,
      schema: { type: 'string', ...(pattern === undefined ? {} : { pattern }) },
    })),
    requestBody: { required: true, content: { 'application/json': { schema, example: callbackExample } } },
    responses: { '2XX': { description: 'Taken. Anything else is tried again.' } },
  },
});

/** The OpenAPI 3.1 document of every route that is promised. Built from the contracts alone: same in, same out. */
export const buildOpenApi = (version: string): Record<string, unknown> => {
  const { schemaOf, components } = createSchemaWriter('#/components/schemas/', 'draft-2020-12');
  const errorResponses = createErrorResponses();
  const paths: Record<string, Record<string, unknown>> = {};
  const usedDialects = new Set<Dialect>();

  for (const route of routes) {
    const surface = surfaces[route.surface];
    const example = routeExamples[route.id];
    usedDialects.add(surface.dialect);
    const answerHeaders = [
      ...(isSocket(route) ? [] : ['X-Request-Id']),
      ...(route.limitGroup && !isSocket(route) ? limitHeaders : []),
      ...(route.idempotent ? ['Idempotent-Replay'] : []),
    ];
    const successHeaders = Object.entries(surface.successHeaders).map(([name, value]) => [
      name,
      { description: 'On every successful answer', schema: { type: 'string', const: value } },
    ]);
    const responses: Record<string, unknown> = {};
    for (const [status, response] of Object.entries(route.responses)) {
      responses[status] = {
        description: response.description,
        headers: {
          ...headersOf(answerHeaders),
          ...Object.fromEntries(successHeaders),
          ...Object.fromEntries(
            Object.entries(response.headers ?? {}).map(([name, description]) => [
              name,
              { description, schema: { type: 'string' } },
            ]),
          ),
        },
        ...(response.mediaType === 'application/octet-stream'
          ? { content: { '*/*': { schema: { type: 'string', format: 'binary' } } } }
          : {}),
        ...(response.schema === undefined
          ? {}
          : {
              content: {
                [response.mediaType?.split(';', 1)[0] ?? 'application/json']: {
                  schema: schemaOf(response.schema),
                  example: example?.answers[Number(status)],
                },
              },
            }),
      };
    }
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    const { body } = route;
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: {
        operationId: route.id,
        summary: route.summary,
        description: [
          route.description,
          `Source: ${route.source}.`,
          route.permission && `Needs \`${route.permission}\`.`,
        ]
          .filter(Boolean)
          .join('\n\n'),
        tags: [route.surface],
        security: securityOf(route),
        parameters: [
          ...parametersOf('path', route.params, schemaOf, example?.params),
          ...parametersOf('query', route.query, schemaOf),
          ...(route.idempotent ? [idempotencyParameter] : []),
        ],
        ...(body === undefined
          ? {}
          : {
              requestBody: {
                required: !body.safeParse(undefined).success,
                content: Object.fromEntries(
                  mediaTypesOf(route).map((type) => [
                    type,
                    {
                      schema: schemaOf(body),
                      ...(type === 'application/json' ? { example: example?.body } : {}),
                    },
                  ]),
                ),
              },
            }),
        responses: { ...responses, ...errorResponses.responsesOf(route, surface.dialect) },
        ...(route.id === 'partner.calls.analyze'
          ? {
              callbacks: {
                analysisFinished: {
                  '{$request.body#/webhook_url}': { $ref: '#/components/pathItems/partnerCallback' },
                },
              },
            }
          : {}),
      },
    };
  }

  const platformPath = {
    get: {
      operationId: 'platform.health.get',
      summary: 'How is the platform?',
      description: 'Sums up every service. Needs no credential. Also at `/api/health` and `/api/v1/health`.',
      tags: ['platform'],
      security: [],
      responses: Object.fromEntries(
        [
          [200, 'It answers; `degraded` when a service does not'],
          [503, 'Nothing behind the gateway answers'],
        ].map(([status, description]) => [
          status,
          {
            description,
            headers: headersOf(['X-Request-Id']),
            content: {
              'application/json': { schema: schemaOf(platformHealthAnswer), example: platformHealthExample },
            },
          },
        ]),
      ),
    },
  };

  const callback = callbackItem(schemaOf(callbackSchema));
  const errorSchemas = Object.fromEntries(
    [...usedDialects].map((dialect) => [dialectSchemaName(dialect), schemaOf(dialectSchemas[dialect])]),
  );
  return {
    openapi: '3.1.1',
    info: {
      title: 'Switchboard',
      version,
      summary: 'One self-hosted platform behind one gateway',
      description:
        'Errors are worded per surface. Limits: each answer of a limited route tells what is left, in the ' +
        `\`X-RateLimit-*\` and the IETF \`RateLimit\` headers (groups: ${Object.keys(limitGroups).join(', ')}).`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: [{ url: '/', description: 'The gateway that serves this document' }],
    tags: [
      { name: 'partner', description: 'Call analysis for business partners: `/api/partner/v1`' },
      { name: 'calls', description: 'Calls and the call log: `/api/v1/calls`, `/api/v1/call-logs`' },
      { name: 'platform', description: 'The platform itself' },
    ],
    paths: { ...paths, '/health': platformPath },
    webhooks: { partnerCallback: { $ref: '#/components/pathItems/partnerCallback' } },
    components: {
      schemas: { ...components(), ...errorSchemas },
      responses: errorResponses.components,
      headers: headerComponents,
      securitySchemes,
      pathItems: { partnerCallback: callback },
    },
  };
};
