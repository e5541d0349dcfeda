import { endpointOf, type RouteContract } from '@switchboard/contracts';

/** What the tickets surface offers, as its guide writes it: made from the contracts, without the list's own address. */
export const endpointsOf = (routes: readonly RouteContract[]): readonly string[] =>
  routes
    // What a signed address opens is not asked for with a token.
    .filter(({ surface, credentials }) => surface === 'tickets' && credentials.length > 0)
    // The guide calls every id `:id`.
    .map((route) => endpointOf(route).replaceAll(/:\w+_id\b/g, ':id'))
    .filter((endpoint) => endpoint !== 'GET /');
