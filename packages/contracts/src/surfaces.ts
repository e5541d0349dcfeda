import type { Dialect } from './errors/render.ts';
import type { ServiceName } from './services.ts';

/** One public API surface: the paths it owns and how it words errors. */
export interface Surface {
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly dialect: Dialect;
  /** Headers on every successful answer. */
  readonly successHeaders: Readonly<Record<string, string>>;
  /** How `X-RateLimit-Reset` is told: epoch seconds, but seconds left where the guide says so. */
  readonly rateLimitReset: 'epoch' | 'seconds-left';
  /** Who keeps the log of every request on it; null where nobody does. */
  readonly logService: ServiceName | null;
}

const surface = (input: Pick<Surface, 'name' | 'prefixes' | 'dialect'> & Partial<Surface>): Surface => ({
  successHeaders: {},
  rateLimitReset: 'epoch',
  logService: null,
  ...input,
});

export const surfaces = {
  partner: surface({
    name: 'partner',
    prefixes: ['/api/partner/v1'],
    dialect: 'partner',
    successHeaders: { 'x-api-version': 'v1' },
    logService: 'partner-service',
  }),
  calls: surface({
    name: 'calls',
    prefixes: ['/api/v1/calls', '/api/v1/call-logs', '/api/v1/ws/calls'],
    dialect: 'calls',
    rateLimitReset: 'seconds-left',
  }),
  tickets: surface({
    name: 'tickets',
    prefixes: ['/functions/v1/integration-tickets'],
    dialect: 'tickets',
    logService: 'ticket-service',
  }),
  functions: surface({ name: 'functions', prefixes: ['/functions/v1'], dialect: 'functions' }),
  studio: surface({ name: 'studio', prefixes: ['/api/v1'], dialect: 'studio' }),
  device: surface({ name: 'device', prefixes: ['/api/v1/auth/device'], dialect: 'device' }),
  auth: surface({ name: 'auth', prefixes: ['/auth/v1'], dialect: 'auth' }),
  platform: surface({ name: 'platform', prefixes: ['/api/admin/v1', '/device', ''], dialect: 'problem' }),
} as const;

export type SurfaceName = keyof typeof surfaces;

const byLongestPrefix = Object.values(surfaces)
  .flatMap((owner) => owner.prefixes.map((prefix) => ({ prefix, owner })))
  .sort((a, b) => b.prefix.length - a.prefix.length);

/** The surface a path belongs to, also when no route is there: its dialect words the 404. */
export const surfaceOf = (path: string): Surface =>
  byLongestPrefix.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))?.owner ??
  surfaces.platform;
