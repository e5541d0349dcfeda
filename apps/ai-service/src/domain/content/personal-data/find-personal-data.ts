import type { PersonalDataKind } from '@switchboard/contracts';
import type { CountryCode } from 'libphonenumber-js/max';
import { findAddresses } from './addresses.ts';
import { findDates } from './dates.ts';
import { findNames } from './names.ts';
import { findNumbers } from './numbers.ts';
import type { PersonalDataSpan } from './types.ts';

/** What wins where two findings overlap: the one with a check digit or the clearer shape. */
const strength: readonly PersonalDataKind[] = [
  'email',
  'iban',
  'card',
  'ip',
  'url',
  'ssn',
  'phone',
  'date',
  'number',
  'name',
];

/**
 * Finds personal data in English text, written or as a recogniser writes it (no case, no punctuation, digits as words).
 *
 * Takes the text and the country phone numbers without a prefix belong to (default US). Gives spans in order, not
 * overlapping, offsets in UTF-16 units. `number` is a long number of no known kind: an account, an order, a policy.
 */
export function findPersonalData(text: string, country: CountryCode = 'US'): PersonalDataSpan[] {
  if (text.trim() === '') return [];
  const candidates = [
    ...findAddresses(text),
    ...findDates(text),
    ...findNumbers(text, country),
    ...findNames(text),
  ];
  candidates.sort(
    (left, right) =>
      strength.indexOf(left.kind) - strength.indexOf(right.kind) ||
      right.end - right.start - (left.end - left.start) ||
      left.start - right.start,
  );
  const kept: PersonalDataSpan[] = [];
  for (const candidate of candidates)
    if (kept.every((span) => candidate.end <= span.start || candidate.start >= span.end))
      kept.push(candidate);
  return kept.sort((left, right) => left.start - right.start);
}

/** The text with every finding replaced by its kind in brackets: "call me at [PHONE]". Masking twice changes nothing. */
export function maskPersonalData(text: string, country: CountryCode = 'US'): string {
  return maskSpans(text, findPersonalData(text, country));
}

/** Puts masks over spans that are in order and do not overlap. */
export function maskSpans(text: string, spans: readonly PersonalDataSpan[]): string {
  let masked = '';
  let from = 0;
  for (const span of spans) {
    masked += text.slice(from, span.start) + maskOf(span.kind);
    from = span.end;
  }
  return masked + text.slice(from);
}

export function maskOf(kind: PersonalDataKind): string {
  return `[${kind.toUpperCase()}]`;
}
