import { isIP } from 'node:net';
import { type CountryCode, findPhoneNumbersInText, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { PersonalDataSpan } from './types.ts';

const unitWords = wordTable(
  'zero 0 oh 0 o 0 nought 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 ten 10 eleven 11 ' +
    'twelve 12 thirteen 13 fourteen 14 fifteen 15 sixteen 16 seventeen 17 eighteen 18 nineteen 19',
);
const tensWords = wordTable('twenty 2 thirty 3 forty 4 fifty 5 sixty 6 seventy 7 eighty 8 ninety 9');
const repeatWords = wordTable('double 2 triple 3 treble 3');
/** Said between two digits without ending the number. */
const fillers = new Set(['uh', 'um', 'er', 'dash', 'hyphen', 'space', 'then']);

/** Lengths by the IBAN registry (ISO 13616); a country that is not here is not looked for. */
const ibanLengths = wordTable(
  'AD 24 AE 23 AL 28 AT 20 BE 16 BG 22 CH 21 CY 28 CZ 24 DE 22 DK 18 EE 20 ES 24 FI 18 FR 27 GB 22 GE 22 GI 23 ' +
    'GR 27 HR 21 HU 28 IE 22 IL 23 IS 26 IT 27 LI 21 LT 20 LU 20 LV 21 MC 27 MT 31 NL 18 NO 15 PL 28 PT 25 ' +
    'RO 24 SA 24 SE 24 SI 19 SK 24 TR 26 UA 29',
);

const numberCue =
  /\b(?:account|card|policy|member(?:ship)?|customer|order|reference|passport|licen[cs]e|number|code)\b/i;
const ssnCue = /\b(?:social security|ssn|social)\b/i;

/** Card and account numbers, phones, SSNs and spoken digits. */
export function findNumbers(text: string, country: CountryCode): PersonalDataSpan[] {
  return [
    ...findIbans(text),
    ...findWrittenSsns(text),
    ...findWrittenPhones(text, country),
    ...findDigitRuns(text, country),
    ...findIpAddresses(text),
  ];
}

/** Luhn's check digit (ISO/IEC 7812-1). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const value = index % 2 === 1 ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

/** ISO 7064 mod 97-10 on an IBAN without spaces. */
export function passesMod97(iban: string): boolean {
  let rest = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4))
    rest = Number(`${rest}${Number.parseInt(character, 36)}`) % 97;
  return rest === 1;
}

function findIbans(text: string): PersonalDataSpan[] {
  const found: PersonalDataSpan[] = [];
  for (const match of text.matchAll(/\b([A-Z]{2})[ -]?\d{2}(?=[ -]?[A-Z0-9])/gi)) {
    const length = Number(ibanLengths.get((match[1] ?? '').toUpperCase()) ?? 0);
    let end = match.index;
    let iban = '';
    while (iban.length < length && end < text.length) {
      const character = text[end] ?? '';
      if (/[A-Z0-9]/i.test(character)) iban += character.toUpperCase();
      else if (!/[ -]/.test(character) || /[ -]/.test(text[end + 1] ?? ' ')) break;
      end += 1;
    }
    if (length > 0 && iban.length === length && !/[A-Z0-9]/i.test(text[end] ?? ' ') && passesMod97(iban))
      found.push({ kind: 'iban', start: match.index, end, value: iban });
  }
  return found;
}

function findWrittenSsns(text: string): PersonalDataSpan[] {
  const shape = /(?<![\d-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\d-])/g;
  return [...text.matchAll(shape)].map((match) => ({
    kind: 'ssn' as const,
    start: match.index,
    end: match.index + match[0].length,
    value: match[0].replace(/\D/g, ''),
  }));
}

function findWrittenPhones(text: string, country: CountryCode): PersonalDataSpan[] {
  const found: PersonalDataSpan[] = findPhoneNumbersInText(text, country).map((match) => ({
    kind: 'phone',
    start: match.startsAt,
    end: match.endsAt,
    value: match.number.number,
  }));
  // Numbers no network has given out (555 …) are still somebody's way of saying a phone number.
  for (const match of text.matchAll(/(?<![\d.-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\d-])/g))
    found.push({
      kind: 'phone',
      start: match.index,
      end: match.index + match[0].length,
      value: match[0].replace(/\D/g, ''),
    });
  return found;
}

function findIpAddresses(text: string): PersonalDataSpan[] {
  const shapes = [
    /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d]|\.\d)/g,
    /(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])/gi,
  ];
  return shapes.flatMap((shape) =>
    [...text.matchAll(shape)]
      .filter((match) => isIP(match[0]) !== 0 && match[0].length > 3)
      .map((match) => ({
        kind: 'ip' as const,
        start: match.index,
        end: match.index + match[0].length,
        value: match[0],
      })),
  );
}

interface Piece {
  readonly digits: string;
  readonly start: number;
  readonly end: number;
}

/** Runs of digits, written, said as words, or both, told apart by length, check digit and what was said before. */
function findDigitRuns(text: string, country: CountryCode): PersonalDataSpan[] {
  const found: PersonalDataSpan[] = [];
  for (const run of collectRuns(text)) {
    const digits = run.map((piece) => piece.digits).join('');
    const first = run[0];
    const last = run.at(-1);
    if (first === undefined || last === undefined) continue;
    const before = text.slice(Math.max(0, first.start - 60), first.start);
    const spoken = /[a-z]/i.test(text.slice(first.start, last.end));
    const kind = nameRun(digits, before, spoken, run.length, country);
    if (kind !== null) found.push({ kind, start: first.start, end: last.end, value: digits });
  }
  return found;
}

function nameRun(
  digits: string,
  before: string,
  spoken: boolean,
  pieces: number,
  country: CountryCode,
): PersonalDataSpan['kind'] | null {
  if (digits.length >= 13 && digits.length <= 19 && /^[2-6]/.test(digits) && passesLuhn(digits))
    return 'card';
  if (digits.length === 9 && ssnCue.test(before)) return 'ssn';
  if (digits.length >= 10 && digits.length <= 13) {
    const regions: CountryCode[] = [country, 'US', 'GB'];
    if (regions.some((region) => parsePhoneNumberFromString(digits, region)?.isValid() === true))
      return 'phone';
    // The 555 numbers kept free for fiction are valid nowhere, and phone numbers all the same.
    if (spoken && /^1?[2-9]\d{2}[2-9]\d{6}$/.test(digits)) return 'phone';
  }
  if (spoken) return digits.length >= 6 && pieces >= 3 ? 'number' : null;
  if (digits.length >= 7) return 'number';
  return digits.length >= 5 && numberCue.test(before.slice(-30)) ? 'number' : null;
}

function collectRuns(text: string): Piece[][] {
  const runs: Piece[][] = [];
  let run: Piece[] = [];
  let end = 0;
  let repeat: { times: number; start: number } | null = null;
  const tokens = [...text.matchAll(/[A-Za-z']+|\d+/g)];
  const close = (): void => {
    if (run.length > 0) runs.push(run);
    run = [];
    repeat = null;
  };
  for (const [index, token] of tokens.entries()) {
    const word = token[0].toLowerCase();
    if (run.length > 0 && !/^(?:[ -]|, |\. | - )?\s?$/.test(text.slice(end, token.index))) close();
    const next = tokens[index + 1]?.[0].toLowerCase() ?? '';
    const digits = readDigits(word, next, text, token.index);
    const times = repeatWords.get(word);
    if (times !== undefined && unitWords.has(next)) {
      repeat = { times: Number(times), start: token.index };
      end = token.index + word.length;
    } else if (digits !== null) {
      const start = repeat?.start ?? token.index;
      run.push({ digits: digits.repeat(repeat?.times ?? 1), start, end: token.index + word.length });
      repeat = null;
      end = token.index + word.length;
    } else if (run.length > 0 && fillers.has(word)) {
      end = token.index + word.length;
    } else close();
  }
  close();
  return runs;
}

function readDigits(word: string, next: string, text: string, at: number): string | null {
  if (/^\d+$/.test(word)) {
    // 250,000 and 19.99 are amounts: they are counted, not dialled.
    const around = text.slice(Math.max(0, at - 2), at + word.length + 2);
    return /\d[,.]\d/.test(around) || /[$£€]\s?$/.test(text.slice(0, at)) ? null : word;
  }
  if (word === 'o' && !unitWords.has(next)) return null;
  const ten = tensWords.get(word);
  if (ten !== undefined) {
    const unit = unitWords.get(next);
    return unit !== undefined && unit.length === 1 && unit !== '0' ? ten : `${ten}0`;
  }
  return unitWords.get(word) ?? null;
}

function wordTable(pairs: string): ReadonlyMap<string, string> {
  const words = pairs.split(' ');
  const table = new Map<string, string>();
  for (let index = 0; index + 1 < words.length; index += 2)
    table.set(words[index] ?? '', words[index + 1] ?? '');
  return table;
}
