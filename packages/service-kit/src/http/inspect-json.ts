/** Why a value that is valid JSON is refused all the same. */
export type JsonFault =
  | { readonly kind: 'depth' }
  | { readonly kind: 'size' }
  | { readonly kind: 'key'; readonly path: string }
  | { readonly kind: 'text'; readonly path: string };

export const JSON_DEPTH_MAX = 64;
export const JSON_VALUES_MAX = 200_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** The end of the text that opens at `from`; past the end of the bytes when it does not close. */
const endOfText = (bytes: Uint8Array, from: number): number => {
  for (let at = bytes.indexOf(QUOTE, from + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let before = at - 1;
    while (bytes[before] === BACKSLASH) before -= 1;
    // An even number of backslashes stands for half as many, and the quote for itself.
    if ((at - before) % 2 === 1) return at;
  }
  return bytes.length;
};

/**
 * Looks through the bytes of a JSON text for more levels or values than are taken, before anything is made of them:
 * 34 MB of `{},{},…` are 1.5 GB once parsed, and half a minute of one thread to look through. Refuses nothing that
 * `inspectJson` would take; costs 0.1 s for 34 MB of brackets, and next to nothing for a long text.
 */
export const inspectJsonBytes = (bytes: Uint8Array): JsonFault | undefined => {
  let depth = 0;
  // Commas and containers: at most twice as many as there are values.
  let marks = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfText(bytes, at);
        continue;
      case 0x5b:
      case 0x7b:
        depth += 1;
        marks += 1;
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        continue;
      case COMMA:
        marks += 1;
        break;
      default:
        continue;
    }
    if (depth > JSON_DEPTH_MAX) return { kind: 'depth' };
    if (marks > JSON_VALUES_MAX * 2 + 1) return { kind: 'size' };
  }
  return undefined;
};

interface Frame {
  readonly value: object;
  readonly depth: number;
  readonly key: string;
  readonly parent: Frame | undefined;
}

const pathOf = (frame: Frame | undefined, key: string): string => {
  const parts = [key];
  for (let at = frame; at?.parent; at = at.parent) parts.unshift(at.key);
  return parts.join('.');
};

/** NUL cannot be stored in Postgres text, half a surrogate pair not in jsonb: both would end as a 500. */
export const isStorableText = (text: string): boolean => !text.includes('\u0000') && text.isWellFormed();

const isPoison = (key: string, child: unknown): boolean =>
  key === '__proto__' ||
  (key === 'constructor' && typeof child === 'object' && child !== null && Object.hasOwn(child, 'prototype'));

/**
 * Looks through parsed JSON for what would harm later: nesting that overflows a stack, keys that reach prototypes,
 * text that cannot be stored. Not recursive, so that no nesting can overflow this one.
 */
export const inspectJson = (root: unknown): JsonFault | undefined => {
  if (typeof root === 'string') return isStorableText(root) ? undefined : { kind: 'text', path: 'body' };
  if (typeof root !== 'object' || root === null) return undefined;
  const stack: Frame[] = [{ value: root, depth: 1, key: '', parent: undefined }];
  let valuesSeen = 0;
  for (let frame = stack.pop(); frame; frame = stack.pop()) {
    const entries = Object.entries(frame.value);
    valuesSeen += entries.length;
    if (valuesSeen > JSON_VALUES_MAX) return { kind: 'size' };
    for (const [key, child] of entries) {
      if (isPoison(key, child) || !isStorableText(key)) return { kind: 'key', path: pathOf(frame, key) };
      if (typeof child === 'string') {
        if (!isStorableText(child)) return { kind: 'text', path: pathOf(frame, key) };
      } else if (typeof child === 'object' && child !== null) {
        if (frame.depth === JSON_DEPTH_MAX) return { kind: 'depth' };
        stack.push({ value: child, depth: frame.depth + 1, key, parent: frame });
      }
    }
  }
  return undefined;
};
