import nlp from 'compromise';
import type { PersonalDataSpan } from './types.ts';

/** First names that are also everyday words: alone and in small letters they are taken for the word. */
const everydayWords = new Set(
  (
    'amber angel april art august autumn bill bob buck carter chase chip chuck clay cliff crystal dale dawn dean don drew earl ' +
    'eve faith frank gene ginger glen grace grant guy harmony heath holly hope hunter iris ivy jack jade jay jean jewel joy ' +
    'june king lance lane lily luck mark mason mat max may melody mercy miles misty nick norm olive page parker pat patience ' +
    'pearl penny pierce ray reed rich rob robin rod rose royal ruby rusty sandy star stone sue summer sunny taylor ted teddy ' +
    'trinity van victor victory violet wade ward wells will willow wood woody christian paris london sydney madison jordan ' +
    'austin dallas houston florence chelsea brooklyn savannah virginia georgia carolina india china asia israel major'
  ).split(' '),
);

const notNames = new Set(
  (
    'a an and the or but so is was are am be been i you he she it we they me my your his her our their this that there here ' +
    'how what when where who why can could may might will would shall should do does did not no yes okay ok ' +
    'from with at in on for of to by as if just calling speaking please thank thanks hello hi sorry sir madam ' +
    'customer support service agent manager name on under spelled spelt again still wrong right actually still also about'
  ).split(' '),
);

const introduction =
  /\b(?:my (?:full |first |last )?name(?: is|'s)|the name(?: is|'s)|name on the account is|i am called|this is|speaking (?:with|to)|i'm|i am|it's|hi|hello|thanks|thank you|dear|mr|mister|mrs|missus|miss|ms|dr|doctor)\.?,? $/i;
const nameCue = /\bmy (?:full |first )?name(?: is|'s|’s) +([\p{L}][\p{L}'’-]*)(?: +([\p{L}][\p{L}'’-]*))?/giu;
const titledName = /\b(?:mr|mister|mrs|missus|miss|ms|dr|doctor)\.? +(\p{L}[\p{L}'’-]+)/giu;

interface CompromisePerson {
  readonly text: string;
  readonly offset: { readonly start: number; readonly length: number };
  readonly terms: readonly { readonly tags: readonly string[] }[];
}

/** Names of people (compromise), and whatever follows "my name is". Placeholders in brackets are left alone. */
export function findNames(text: string): PersonalDataSpan[] {
  const plain = text.replace(/\[[A-Z ]+\]/g, (mask) => ' '.repeat(mask.length));
  const found: PersonalDataSpan[] = [];
  // Small letters are how a recogniser writes; given capitals, only capitalised words can be names.
  const cased = /\p{Ll}\p{Lu}|(?<!^|[.!?] )\b\p{Lu}\p{Ll}/u.test(plain);
  const people: CompromisePerson[] = nlp(plain).people().json({ offset: true });
  for (const person of people) {
    const span = trimSpan(plain, person.offset.start, person.offset.start + person.offset.length);
    if (span !== null && isBelievable(plain, span, person, cased)) found.push(span);
  }
  for (const match of plain.matchAll(nameCue)) {
    const first = match[1] ?? '';
    const second = match[2] ?? '';
    if (notNames.has(first.toLowerCase()) || /ing$/.test(first)) continue;
    const start =
      match.index +
      match[0].length -
      (second === ''
        ? first.length
        : match[0].length - match[0].lastIndexOf(first, match[0].length - second.length - 1));
    const end = start + first.length;
    const withSecond = second !== '' && isSurname(second);
    found.push(nameSpan(plain, start, withSecond ? match.index + match[0].length : end));
  }
  for (const match of plain.matchAll(titledName)) {
    const name = match[1] ?? '';
    const end = match.index + match[0].length;
    if (notNames.has(name.toLowerCase()) || (cased && !/^\p{Lu}/u.test(name))) continue;
    if (isSurname(name)) found.push(nameSpan(plain, end - name.length, end));
  }
  return found;
}

function isBelievable(
  text: string,
  span: PersonalDataSpan,
  person: CompromisePerson,
  cased: boolean,
): boolean {
  const words = text.slice(span.start, span.end).split(/\s+/);
  if (words.some((word) => /^o['’]clock$/i.test(word))) return false;
  const capital = words.every((word) => /^\p{Lu}/u.test(word));
  // A first and a last name together are a name however they are written.
  if (cased && !capital && words.length < 2) return false;
  const tags = person.terms.flatMap((term) => term.tags);
  const known = tags.includes('FirstName') || tags.includes('LastName');
  if (!known) return false;
  const everyday = words.some((word) => everydayWords.has(word.toLowerCase().replace(/[^a-z]/g, '')));
  const introduced = introduction.test(text.slice(Math.max(0, span.start - 40), span.start));
  if (words.length >= 2) return !everyday || introduced || (cased && capital);
  if (everyday) return introduced && cased && capital;
  return true;
}

function isSurname(word: string): boolean {
  if (notNames.has(word.toLowerCase())) return false;
  const tags: string[] = nlp(word).terms().json()[0]?.terms?.[0]?.tags ?? [];
  return !tags.some((tag) =>
    [
      'Verb',
      'Conjunction',
      'Preposition',
      'Pronoun',
      'Adverb',
      'QuestionWord',
      'Determiner',
      'Value',
      'Expression',
    ].includes(tag),
  );
}

function trimSpan(text: string, start: number, end: number): PersonalDataSpan | null {
  let from = start;
  let to = end;
  while (from < to && !/\p{L}/u.test(text[from] ?? '')) from += 1;
  while (to > from && !/\p{L}/u.test(text[to - 1] ?? '')) to -= 1;
  if (/['’]s$/i.test(text.slice(from, to))) to -= 2;
  return to - from < 2 ? null : nameSpan(text, from, to);
}

function nameSpan(text: string, start: number, end: number): PersonalDataSpan {
  return { kind: 'name', start, end, value: text.slice(start, end) };
}
