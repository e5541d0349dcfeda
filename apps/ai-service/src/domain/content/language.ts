import type { TranscriptSegment } from '@switchboard/contracts';
import { detectAll } from 'tinyld';
import { LanguageUnsupportedError } from './types.ts';

/** Fewer words than this are a greeting or a name, and tell nothing about the language. */
const wordsMin = 6;
/** The commonest words of spoken English make up over a third of any English talk; below this share it is not English. */
const commonShareMin = 0.15;
const commonWords = new Set(
  (
    'the be to of and a an in that have i it for not on with he as you do at this but his by from they we say her she or will my one all ' +
    'would there their what so up out if about who get which go me when make can like time no just him know take into your some could ' +
    'them see than then now only come its over also back after use two how our well way even want because any these give us is are was ' +
    'were been has had did does am yes okay thank thanks please hello sorry'
  ).split(' '),
);

/**
 * Names the language of the segments (ISO 639-1). Short texts count as what the transcription said, or English.
 * The recogniser's odd word salad is still English as long as its small words are.
 */
export function detectLanguage(segments: readonly TranscriptSegment[], told: string | null): string {
  const text = segments
    .map((segment) => segment.text.replace(/\[[A-Z]+\]/g, ' '))
    .join(' ')
    .toLowerCase();
  const words = text.match(/[\p{L}']+/gu) ?? [];
  const fallback = told?.slice(0, 2).toLowerCase() ?? 'en';
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  const foreign = letters >= 6 && latin / letters < 0.7;
  if (words.length < wordsMin && !foreign) return fallback;
  const common = words.filter((word) => commonWords.has(word)).length;
  if (!foreign && common / words.length >= commonShareMin) return 'en';
  const best = detectAll(text.slice(0, 4_000))[0];
  if (best === undefined) return foreign ? 'und' : fallback;
  // A list of English names is no proof of another language: tinyld must be sure of it.
  return best.lang === 'en' || foreign || best.accuracy >= 0.15 ? best.lang : fallback;
}

/** Throws LanguageUnsupportedError when the segments are clearly not English. */
export function requireEnglish(segments: readonly TranscriptSegment[], told: string | null): void {
  const language = detectLanguage(segments, told);
  if (language !== 'en') throw new LanguageUnsupportedError(language);
}
