import { describe, expect, test } from 'vitest';
import { allowsEndpoint, endpointOf, endpointPatternSchema, ticketRoutes } from '../src/index.ts';

const PREFIX = '/functions/v1/integration-tickets';
const asks = (pattern: string, method: string, path: string) =>
  allowsEndpoint([pattern], method, `${PREFIX}${path}`);

describe('patterns of endpoints', () => {
  test.each([
    '*',
    '* /tickets',
    'GET /',
    'POST /tickets',
    'POST /tickets/',
    'GET /tickets/:id',
    'GET /tickets/*',
    'GET /tickets/*/comments',
    'PATCH /tickets/:ticket_id/status',
    'GET /a.b/~c/d-e_f',
  ])('%s is one', (pattern) =>
    expect(endpointPatternSchema.safeParse(pattern)).toMatchObject({ success: true }),
  );

  test.each([
    '',
    '/',
    'GET',
    'GET /..',
    'GET /../x',
    'GET /./x',
    'GET /x/..',
    'GET /**',
    'HEAD /',
    'GET /a b',
  ])('%j is none', (pattern) =>
    expect(endpointPatternSchema.safeParse(pattern)).toMatchObject({ success: false }),
  );

  test.each([
    ['*', 'DELETE', '/anything/at/all', true],
    ['GET /', 'GET', '', true],
    ['GET /', 'GET', '/', true],
    ['GET /', 'HEAD', '/', true],
    ['GET /', 'POST', '/', false],
    ['GET /', 'GET', '/tickets', false],
    ['POST /tickets', 'POST', '/tickets', true],
    ['POST /tickets', 'POST', '/tickets/', true],
    ['POST /tickets', 'GET', '/tickets', false],
    ['POST /tickets', 'POST', '/tickets/batch', false],
    ['POST /tickets', 'POST', '/ticketsx', false],
    ['* /tickets', 'PATCH', '/tickets', true],
    ['GET /tickets/:id', 'GET', '/tickets/:id', true],
    ['GET /tickets/:id', 'GET', '/tickets/42', true],
    ['GET /tickets/:id', 'GET', '/tickets', false],
    ['GET /tickets/:id', 'GET', '/tickets/42/comments', false],
    ['GET /tickets/*', 'GET', '/tickets/42', true],
    ['GET /tickets/*', 'GET', '/tickets/42/comments', true],
    ['GET /tickets/*', 'GET', '/tickets', false],
    ['GET /tickets/*/comments', 'GET', '/tickets/:id/comments', true],
    ['GET /tickets/*/comments', 'GET', '/tickets/:id/status', false],
    ['GET /tickets/.', 'GET', '/tickets/x', false],
  ] as const)('%s, asked %s %s: %s', (pattern, method, path, allowed) => {
    expect(asks(pattern, method, path)).toBe(allowed);
  });

  test('one of several is enough, and none allows nothing', () => {
    expect(allowsEndpoint(['GET /', 'POST /tickets'], 'POST', `${PREFIX}/tickets`)).toBe(true);
    expect(allowsEndpoint([], 'GET', PREFIX)).toBe(false);
  });

  test('both addresses of the surface are the same endpoint', () => {
    const { health, healthWithSlash } = ticketRoutes;
    expect([health, healthWithSlash].map(endpointOf)).toEqual(['GET /', 'GET /']);
  });
});
