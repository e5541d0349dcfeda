import { endpointOf, type RouteContract } from '@switchboard/contracts';

/** What the tickets surface offers, as its guide writes it: made from the contracts, without the list's own address. */
export const endpointsOf = (routes: readonly RouteContract[]): readonly string[] =>
  routes
    .filter(({ surface }) => surface === 'tickets')
    .map(endpointOf)
    .filter((endpoint) => endpoint !== 'GET /');
