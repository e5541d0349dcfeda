import { AppError, routes, surfaceOf } from '@switchboard/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Tracker } from '../../request-log/track.ts';

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);

/** Which method each known path takes. Looked through only for requests that met no route. */
const known = routes.map(({ path, method }) => ({
  pattern: patternOf(path),
  methods: method === 'GET' ? ['GET', 'HEAD'] : [method],
}));

const allowedAt = (path: string): string[] => [
  ...new Set(known.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)),
];

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

/** 405 with Allow where the path is known, else 404; in the dialect of the path's surface. */
export const unknownRouteError = (request: FastifyRequest): AppError => {
  const allowed = allowedAt(pathOf(request));
  if (allowed.length === 0) return new AppError('NOT_FOUND');
  return new AppError('METHOD_NOT_ALLOWED', {
    message: `This address takes ${allowed.join(', ')}`,
    details: { allowed },
    headers: { allow: allowed.join(', ') },
  });
};

const prefixOf = (path: string): string =>
  surfaceOf(path).prefixes.find((prefix) => path === prefix || path.startsWith(`${prefix}/`)) ?? '';

/** Watches a request that meets no route, so that the surface's request log has it too. */
export const trackUnknown = (track: Tracker, request: FastifyRequest, reply: FastifyReply): void => {
  const path = pathOf(request);
  track(request, reply, surfaceOf(path), prefixOf(path) || '/');
};

/**
 * Answers whatever met no route. A route like any other, and not Fastify's 404 handler, so that the answer passes the
 * same hooks (CORS) as every answer.
 */
export const registerUnknownRoutes = (app: FastifyInstance, track: Tracker): void => {
  app.route({
    method: app.supportedMethods.filter((method) => method !== 'OPTIONS'),
    url: '/*',
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      trackUnknown(track, request, reply);
      throw unknownRouteError(request);
    },
  });
};
