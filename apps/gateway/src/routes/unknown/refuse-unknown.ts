import { AppError, type RouteContract, surfaceOf } from '@switchboard/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { noteError, type Tracker } from '../../request-log/track.ts';

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

/** Says why no route was met: 405 with Allow where the path is known, else 404. */
export const createUnknownRouteError = (routes: readonly RouteContract[]) => {
  // Looked through only for requests that met no route.
  const known = routes.map(({ path, method }) => ({
    pattern: patternOf(path),
    methods: method === 'GET' ? ['GET', 'HEAD'] : [method],
  }));
  return (request: FastifyRequest): AppError => {
    const path = pathOf(request);
    const methods = known.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
    const allowed = [...new Set(methods)];
    if (allowed.length === 0) return new AppError('NOT_FOUND');
    return new AppError('METHOD_NOT_ALLOWED', {
      message: `This address takes ${allowed.join(', ')}`,
      details: { allowed },
      headers: { allow: allowed.join(', ') },
    });
  };
};

const prefixOf = (path: string): string =>
  surfaceOf(path).prefixes.find((prefix) => path === prefix || path.startsWith(`${prefix}/`)) ?? '';

/** Watches a request that meets no route, so that the surface's request log has it too. */
export const trackUnknown = (
  track: Tracker,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): void => {
  const path = pathOf(request);
  track(request, reply, surfaceOf(path), prefixOf(path) || '/');
  noteError(request, error);
};

/**
 * Answers whatever met no route. A route like any other, and not Fastify's 404 handler, so that the answer passes the
 * same hooks (CORS) as every answer.
 */
export const registerUnknownRoutes = (
  app: FastifyInstance,
  track: Tracker,
  errorOf: (request: FastifyRequest) => AppError,
): void => {
  app.route({
    method: app.supportedMethods.filter((method) => method !== 'OPTIONS'),
    url: '/*',
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const error = errorOf(request);
      trackUnknown(track, request, reply, error);
      throw error;
    },
  });
};
