import { createManualClock } from '@switchboard/contracts';
import { createInternalTokenMinter, createInternalTokenVerifier, secretsOf } from '@switchboard/service-kit';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { principal, SECRET } from './helpers.ts';

const OTHER = 'another-secret-for-tests-of-at-least-32-characters';

const create = (secrets: readonly string[] = [SECRET]) => {
  const clock = createManualClock();
  const mint = createInternalTokenMinter({ secret: SECRET, clock });
  const verify = createInternalTokenVerifier({ secrets, service: 'partner-service', clock });
  return { clock, mint, verify };
};

test('a token carries its principal to the service it is for', () => {
  const { mint, verify } = create();
  const token = mint(principal, 'partner-service');
  expect(verify(token)).toEqual(principal);
  expect(verify(token)).toBe(verify(token));
  expect(() => verify(mint(principal, 'ai-service'))).toThrow('through the gateway');
});

test('one token serves a minute, and lives two', () => {
  const { clock, mint, verify } = create();
  const token = mint(principal, 'partner-service');
  clock.advance(59);
  expect(mint(principal, 'partner-service')).toBe(token);
  clock.advance(1);
  expect(mint(principal, 'partner-service')).not.toBe(token);
  clock.advance(59);
  expect(verify(token)).toEqual(principal);
  clock.advance(10);
  expect(() => verify(token)).toThrow('through the gateway');
});

test('a principal that was looked up again gets a token of its own at once', () => {
  const { mint, verify } = create();
  mint(principal, 'partner-service');
  const changed = { ...principal, permissions: [] };
  expect(verify(mint(changed, 'partner-service'))).toMatchObject({ permissions: [] });
});

test('while the secret is changed, the one before is accepted', () => {
  const { mint, verify } = create(secretsOf({ secret: OTHER, previousSecret: SECRET }));
  expect(verify(mint(principal, 'partner-service'))).toEqual(principal);
  expect(() => create([OTHER]).verify(mint(principal, 'partner-service'))).toThrow();
});

describe('forged tokens', () => {
  const claims = { iss: 'switchboard-gateway', sub: 'x', aud: 'partner-service', principal };
  const iat = Date.parse('2026-01-01T00:00:00Z') / 1000;
  const signed = (payload: object, secret = SECRET, options: jwt.SignOptions = {}) =>
    jwt.sign({ ...claims, iat, exp: iat + 120, ...payload }, secret, { algorithm: 'HS256', ...options });
  const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${Buffer.from(JSON.stringify({ ...claims, iat, exp: iat + 120 })).toString('base64url')}.`;

  test.each([
    ['another secret', signed({}, OTHER)],
    ['no signature', unsigned],
    ['another algorithm', signed({}, SECRET, { algorithm: 'HS512' })],
    ['another issuer', signed({ iss: 'somebody' })],
    ['no end', jwt.sign({ ...claims, iat }, SECRET)],
    ['a past end', signed({ exp: iat - 60 })],
    ['a principal of no known kind', signed({ principal: { kind: 'root' } })],
    ['nothing', ''],
    ['rubbish', 'a.b.c'],
  ])('%s', (_name, token) => {
    expect(() => create().verify(token)).toThrow('through the gateway');
  });

  test('the honest one is taken', () => {
    expect(create().verify(signed({}))).toEqual(principal);
  });
});

test('ten thousand different tokens do not fill the memory', () => {
  const { mint, verify } = create();
  const tokens = Array.from({ length: 6000 }, () => mint({ ...principal }, 'partner-service'));
  for (const token of new Set(tokens)) expect(verify(token)).toEqual(principal);
});
