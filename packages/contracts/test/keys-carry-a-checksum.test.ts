import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { completeKey, displayPrefix, hashKey, hasValidChecksum, keyPrefixes } from '../src/index.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const base62 = fc.constantFrom(...ALPHABET);
const prefix = fc.constantFrom(...Object.values(keyPrefixes));
const random = fc.string({ unit: base62, minLength: 30, maxLength: 30 });

describe('a key carries a checksum', () => {
  test('whatever was drawn, the completed key is taken', () => {
    fc.assert(
      fc.property(prefix, random, (start, drawn) => hasValidChecksum(completeKey(start + drawn), start)),
    );
  });

  test('one character changed anywhere is noticed before any lookup', () => {
    fc.assert(
      fc.property(prefix, random, fc.nat(), base62, (start, drawn, at, character) => {
        const key = completeKey(start + drawn);
        const index = start.length + (at % (key.length - start.length));
        fc.pre(key[index] !== character);
        return !hasValidChecksum(key.slice(0, index) + character + key.slice(index + 1), start);
      }),
    );
  });

  test('two characters swapped, one dropped or one added are noticed', () => {
    fc.assert(
      fc.property(prefix, random, fc.nat(), (start, drawn, at) => {
        const key = completeKey(start + drawn);
        const index = start.length + (at % (key.length - start.length - 1));
        const [a = '', b = ''] = key.slice(index, index + 2);
        const swapped = key.slice(0, index) + b + a + key.slice(index + 2);
        return (
          (a === b || !hasValidChecksum(swapped, start)) &&
          !hasValidChecksum(key.slice(0, index) + key.slice(index + 1), start) &&
          !hasValidChecksum(`${key}0`, start)
        );
      }),
    );
  });

  test('a sandbox key is no production key and no secret', () => {
    const key = completeKey(`${keyPrefixes.partnerSandbox}${'a'.repeat(30)}`);
    expect(hasValidChecksum(key, keyPrefixes.partnerSandbox)).toBe(true);
    expect(hasValidChecksum(key, keyPrefixes.partnerProduction)).toBe(false);
    expect(hasValidChecksum(key, keyPrefixes.partnerSecret)).toBe(false);
  });

  test('arbitrary text is refused and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), prefix, (text, start) => !hasValidChecksum(text, start)),
    );
  });

  test('only a hash and the first 12 characters are ever kept', () => {
    const key = completeKey(`${keyPrefixes.partnerSecret}${'Z'.repeat(30)}`);
    expect(hashKey(key)).toMatch(/^[0-9a-f]{64}$/);
    expect(displayPrefix(key)).toBe(key.slice(0, 12));
  });
});
