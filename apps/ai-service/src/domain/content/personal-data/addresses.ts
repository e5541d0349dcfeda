import type { PersonalDataSpan } from './types.ts';

/** Endings an address is believed to have when it is heard, not written: any word could follow "dot". */
const spokenEndings =
  'com|net|org|edu|gov|info|biz|io|ai|app|dev|me|tv|eu|us|uk|de|fr|es|it|nl|be|ch|at|pl|se|no|dk|fi|ie|pt|ca|au|nz|in|br|mx|jp';
const dot = String.raw`(?:\.|\s+(?:dot|point)\s+)`;
const join = String.raw`(?:[._+-]|\s+(?:dot|point|underscore|dash|hyphen|plus|minus)\s+)`;
const letters = String.raw`(?:[A-Za-z0-9]\s+){2,}[A-Za-z0-9]`;
const localPart = `(?:${letters}|[A-Za-z0-9]+(?:${join}[A-Za-z0-9]+)*)`;
const domain = String.raw`[A-Za-z0-9]+(?:(?:-|\s+(?:dash|hyphen)\s+)[A-Za-z0-9]+)*(?:${dot}[A-Za-z0-9-]+)*?${dot}(?:co${dot})?(?:${spokenEndings})`;

const writtenEmail =
  /(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]*\w@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/g;
const spokenEmail = new RegExp(
  String.raw`(?<![\w@.])(${localPart})(?:\s*@\s*|\s+at\s+)(${domain})(?![\w@])`,
  'gi',
);
const writtenUrl = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+/gi;
const bareDomain = new RegExp(
  String.raw`(?<![\w@.])(?:w\s*w\s*w${dot})?${domain}(?:\/[^\s<>"'\`]*)?(?![\w@])`,
  'gi',
);
/** "Look at example dot com" names a page, not a person. */
const notLocalParts =
  /^(?:me|us|it|you|him|her|them|is|are|was|look|looking|find|found|available|online|up|page|site|website|or|and|visit|one|shop|here)$/i;

/** E-mail addresses and URLs, written or spoken ("john dot smith at example dot com"). */
export function findAddresses(text: string): PersonalDataSpan[] {
  const found: PersonalDataSpan[] = [];
  for (const match of text.matchAll(writtenEmail)) found.push(spanOf('email', match.index, match[0]));
  for (const match of text.matchAll(spokenEmail)) {
    const local = match[1] ?? '';
    if (!notLocalParts.test(local)) found.push(spanOf('email', match.index, match[0]));
  }
  for (const match of text.matchAll(writtenUrl))
    found.push(spanOf('url', match.index, match[0].replace(/[.,;:!?)\]]+$/, '')));
  for (const match of text.matchAll(bareDomain)) {
    // "the office. It is" would be a domain without this: an address has no blank after its full stop and a real name.
    if (/\.\s/.test(match[0]) || /^\d+(?:\.\d+)+$/.test(match[0])) continue;
    found.push(spanOf('url', match.index, match[0].replace(/[.,;:!?)\]]+$/, '')));
  }
  return found;
}

function spanOf(kind: 'email' | 'url', start: number, text: string): PersonalDataSpan {
  const value = text
    .toLowerCase()
    .replace(/\s+at\s+/g, '@')
    .replace(/\s+(?:dot|point)\s+/g, '.')
    .replace(/\s+(?:dash|hyphen|minus)\s+/g, '-')
    .replace(/\s+underscore\s+/g, '_')
    .replace(/\s+plus\s+/g, '+')
    .replace(/\s+/g, '');
  return { kind, start, end: start + text.length, value };
}
