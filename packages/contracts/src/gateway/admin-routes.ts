import { z } from 'zod';
import { credentialKinds, principalSchema } from '../credentials/principal.ts';
import { isStorable } from '../fields.ts';
import { defineRoute, type RouteContract } from '../route.ts';

const HEADERS_MAX = 100;

const headerText = z
  .string()
  .max(16_384)
  .refine((value) => isStorable(value) && !/[\r\n]/.test(value), 'must be one line without NUL');

/** A request as somebody sent it, as far as it decides who they are. */
export const explainBody = z.strictObject({
  headers: z
    .record(
      z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, 'must be a header name'),
      z.union([headerText, z.array(headerText).min(1).max(10)]),
    )
    .refine(
      (headers) => Object.keys(headers).length <= HEADERS_MAX,
      `must have at most ${HEADERS_MAX} headers`,
    )
    .meta({ description: 'The headers of the request; a list for one that came several times' }),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  path: z
    .string()
    .regex(/^\/[^\s#]*$/, 'must begin with / and hold no spaces')
    .max(8_192)
    .refine(isStorable, 'must be well-formed Unicode without NUL')
    .optional()
    .meta({ description: 'Path and query. Without it only the credential itself is looked at' }),
  ip: z
    .union([z.ipv4(), z.ipv6()], 'must be an address')
    .optional()
    .meta({ description: 'Where the request came from. Without it IP lists are not looked at' }),
});

export const explainChecks = [
  'route',
  'surface',
  'presented',
  'shape',
  'signature',
  'expiry',
  'claims',
  'lookup',
  'session',
  'address',
  'permission',
] as const;

export const explainAnswer = z.object({
  accepted: z.boolean().nullable().meta({
    description:
      'Whether the request is let in; null when that shows only with its body, or by spending a ticket',
  }),
  credential: z
    .object({
      kind: z.enum(credentialKinds),
      /** Enough to find it in a list, never enough to use it. */
      prefix: z.string().nullable(),
    })
    .nullable()
    .meta({ description: 'What was presented; null when it was nothing' }),
  route: z
    .object({
      id: z.string(),
      method: z.string(),
      path: z.string(),
      credentials: z.array(z.enum(credentialKinds)),
    })
    .nullable(),
  checks: z.array(
    z.object({
      check: z.enum(explainChecks),
      result: z
        .enum(['passed', 'failed', 'skipped'])
        .meta({ description: '`skipped`: an earlier check failed, or it cannot be made from here' }),
      reason: z.string().nullable().meta({ description: 'Why, for whoever operates this; callers see less' }),
    }),
  ),
  principal: principalSchema.nullable().meta({ description: 'Who it is, once that is known' }),
  answer: z
    .object({ status: z.number().int(), code: z.string(), message: z.string() })
    .nullable()
    .meta({ description: 'What the caller is told; null when the request is let in' }),
});

/** What only the gateway can answer: why a credential is refused (spec: common contract). */
export const gatewayAdminRoutes = {
  explain: defineRoute({
    id: 'admin.auth.explain',
    summary: 'Why is this credential refused?',
    description:
      'Goes through the checks of a request as the gateway would, and says what each found. Nothing is counted or ' +
      'changed, a ticket is not spent, and no secret is in the answer.',
    source: 'Switchboard',
    method: 'POST',
    path: '/api/admin/v1/auth/explain',
    service: 'gateway',
    surface: 'platform',
    credentials: ['user'],
    roles: ['admin', 'super_admin'],
    limitGroup: 'admin',
    body: explainBody,
    responses: { 200: { description: 'What each check found', schema: explainAnswer } },
    errors: ['INVALID_INPUT', 'INSUFFICIENT_ROLE'],
  }),
} satisfies Record<string, RouteContract>;
