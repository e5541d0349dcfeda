import { describe, expect, it } from 'vitest';
import { createUrlSigner } from '../src/signed-urls.ts';

const NOW = new Date('2026-03-01T12:00:00.500Z');
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const signer = (secrets: readonly string[] = ['one'], purpose = 'files') =>
  createUrlSigner({ secrets, purpose, publicUrl: 'https://api.example.com', secondsValid: 600 });
const partsOf = (url: string) => {
  const { pathname, searchParams } = new URL(url);
  const of = (name: string) => searchParams.get(name) ?? '';
  return { path: pathname, query: { expires: of('expires'), signature: of('signature') } };
};

describe('a signed address', () => {
  const { url, expiresAt } = signer().sign('/files/1/content', NOW);
  const { path, query } = partsOf(url);

  it('is absolute, and opens what it was made for until it expires', () => {
    expect(url).toMatch(/^https:\/\/api\.example\.com\/files\/1\/content\?expires=\d+&signature=[\w-]{43}$/);
    expect(signer().verify(path, query, NOW)).toBe(true);
    expect(signer().verify(path, query, new Date(expiresAt.getTime() - 1))).toBe(true);
    expect(signer().verify(path, query, expiresAt)).toBe(false);
    expect(signer().verify(path, query, later(100_000))).toBe(false);
  });

  it('opens nothing else, and not for longer', () => {
    expect(signer().verify('/files/2/content', query, NOW)).toBe(false);
    const { signature, expires } = query;
    for (const other of [String(Number(expires) + 1), `0${expires}`, `${expires}0`, '', 'NaN']) {
      expect(signer().verify(path, { signature, expires: other }, NOW)).toBe(false);
    }
  });

  it('has one signature alone: of no other character of it, either', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const { signature, expires } = query;
    for (const place of [0, 20, 42]) {
      const good = [...alphabet].filter((letter) =>
        signer().verify(
          path,
          { expires, signature: signature.slice(0, place) + letter + signature.slice(place + 1) },
          NOW,
        ),
      );
      expect(good).toEqual([signature[place]]);
    }
    expect(signer().verify(path, { expires, signature: '' }, NOW)).toBe(false);
    expect(signer().verify(path, { expires, signature: 'ä'.repeat(43) }, NOW)).toBe(false);
  });

  it('survives a change of the secret while the one before is known, and not longer', () => {
    expect(signer(['two', 'one']).verify(path, query, NOW)).toBe(true);
    expect(signer(['two']).verify(path, query, NOW)).toBe(false);
    const renewed = partsOf(signer(['two', 'one']).sign(path, NOW).url);
    expect(signer(['two']).verify(path, renewed.query, NOW)).toBe(true);
  });

  it('of one purpose is none of another', () => {
    expect(signer(['one'], 'recordings').verify(path, query, NOW)).toBe(false);
  });
});
