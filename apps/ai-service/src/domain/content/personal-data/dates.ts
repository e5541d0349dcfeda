import type { PersonalDataSpan } from './types.ts';

const months =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)';
const ordinals =
  '(?:thirty[ -]first|thirtieth|twenty[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|twentieth|nineteenth|eighteenth|' +
  'seventeenth|sixteenth|fifteenth|fourteenth|thirteenth|twelfth|eleventh|tenth|ninth|eighth|seventh|sixth|fifth|fourth|third|second|first)';
const day = `(?:(?:3[01]|[12]\\d|0?[1-9])(?:st|nd|rd|th)?|${ordinals})`;
const units = '(?:one|two|three|four|five|six|seven|eight|nine)';
const teens = '(?:ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)';
const tens = '(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)';
const spokenYear =
  `(?:nineteen (?:${tens}(?:[ -]${units})?|oh ${units}|${teens})|twenty (?:${tens}(?:[ -]${units})?|oh ${units}|${teens})|` +
  `two thousand(?: and)?(?: (?:${units}|${teens}|${tens}(?:[ -]${units})?))?)`;
const year = `(?:(?:19|20)\\d\\d|${spokenYear})`;

const shapes = [
  {
    shape: new RegExp(`(?<![\\w/.-])(?:the )?${day}(?: of)? ${months}\\.?,? ${year}(?!\\w)`, 'gi'),
    full: true,
  },
  { shape: new RegExp(`(?<![\\w/.-])${months}\\.? (?:the )?${day},? ${year}(?!\\w)`, 'gi'), full: true },
  { shape: /(?<![\w/.-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\w-])/g, full: true },
  {
    shape:
      /(?<![\w/.-])(?:0?[1-9]|[12]\d|3[01])([/.-])(?:0?[1-9]|[12]\d|3[01])\1(?:(?:19|20)\d\d|\d\d)(?![\w/-]|\.\d)/g,
    full: true,
  },
  { shape: new RegExp(`(?<![\\w/.-])(?:the )?${day}(?: of)? ${months}(?!\\w)`, 'gi'), full: false },
  { shape: new RegExp(`(?<![\\w/.-])${months}\\.? (?:the )?${day}(?!\\w)`, 'gi'), full: false },
];

const birthCue = /\b(?:born|birth|birthday|birthdate|d\.?o\.?b)\b/i;

/**
 * Dates that may tell who somebody is: with a year anywhere, without one only where birth is spoken of. "Due on the
 * first of May" is not personal data.
 */
export function findDates(text: string): PersonalDataSpan[] {
  const found: PersonalDataSpan[] = [];
  for (const { shape, full } of shapes)
    for (const match of text.matchAll(shape)) {
      const start = match.index + (/^the /i.test(match[0]) ? 4 : 0);
      const end = match.index + match[0].length;
      if (full || birthCue.test(text.slice(Math.max(0, start - 60), start)))
        found.push({ kind: 'date', start, end, value: text.slice(start, end) });
    }
  return found;
}
