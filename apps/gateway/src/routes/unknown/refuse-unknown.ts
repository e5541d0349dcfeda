import { AppError, type RouteContract, surfaceOf, surfaces } from '@switchboard/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Attribute } from '../../admission.ts';
import { noteError, type Tracked, type Tracker } from '../../request-log/track.ts';

/** What a path of the contracts takes. */
export const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

/** What an address that met no route is, all the same: looked through only for such requests. */
export interface UnknownRoute {
  readonly error: AppError;
  /** The pattern of a route that takes other methods; else the prefix of the surface. */
  readonly endpoint: string;
}

const prefixOf = (path: string): string =>
  surfaceOf(path).prefixes.find((prefix) => path === prefix || path.startsWith(`${prefix}/`)) || '/';

/** Says why no route was met: 405 with Allow where the path is known, else 404. */
export const createUnknownRoutes = (routes: readonly RouteContract[]) => {
  const known = routes.map(({ path, method }) => ({
    path,
    pattern: patternOf(path),
    methods: method === 'GET' ? ['GET', 'HEAD'] : [method],
  }));
  return (request: FastifyRequest): UnknownRoute => {
    const path = pathOf(request);
    const there = known.filter(({ pattern }) => pattern.test(path));
    const allowed = [...new Set(there.flatMap((route) => route.methods))];
    const [first] = there;
    if (!first) return { error: new AppError('NOT_FOUND'), endpoint: prefixOf(path) };
    const error = new AppError('METHOD_NOT_ALLOWED', {
      message: `This address takes ${allowed.join(', ')}`,
      details: { allowed },
      headers: { allow: allowed.join(', ') },
    });
    return { error, endpoint: first.path };
  };
};

/** Watches a request that meets no route, so that the surface's request log has it too. */
export const trackUnknown = (
  track: Tracker,
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: string,
  error: unknown,
): Tracked => {
  const tracked = track(request, reply, surfaceOf(pathOf(request)), endpoint);
  noteError(request, error);
  return tracked;
};

/** What takes the credentials of a surface whose owners are shown every request of theirs; null on the others. */
const createAttributedRoutes = (routes: readonly RouteContract[]) => {
  const bySurface = new Map(
    Object.values(surfaces).map((surface) => [
      surface.name,
      surface.logService === null
        ? null
        : (routes.find((route) => route.surface === surface.name && route.credentials.length > 0) ?? null),
    ]),
  );
  return (request: FastifyRequest): RouteContract | null =>
    bySurface.get(surfaceOf(pathOf(request)).name) ?? null;
};

/**
 * Answers whatever met no route. A route like any other, and not Fastify's 404 handler, so that the answer passes the
 * same hooks (CORS) as every answer.
 */
export const registerUnknownRoutes = (
  app: FastifyInstance,
  deps: {
    readonly routes: readonly RouteContract[];
    readonly track: Tracker;
    readonly attribute: Attribute;
    readonly describe: (request: FastifyRequest) => UnknownRoute;
  },
): void => {
  const { track, attribute, describe } = deps;
  const attributedRoute = createAttributedRoutes(deps.routes);
  app.route({
    method: app.supportedMethods.filter((method) => method !== 'OPTIONS'),
    url: '/*',
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const { error, endpoint } = describe(request);
      const tracked = trackUnknown(track, request, reply, endpoint, error);
      const route = attributedRoute(request);
      if (route) {
        await attribute(request, reply, route, tracked).catch((tooMany: unknown) => {
          noteError(request, tooMany);
          throw tooMany;
        });
      }
      throw error;
    },
  });
};
