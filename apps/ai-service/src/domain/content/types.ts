import type { ContentAnalysis, PersonalDataFinding, TranscriptSegment } from '@switchboard/contracts';

/*
 * TERMINOLOGY
 *   utterance  a sentence or clause of a segment: what is summarised, asked, promised
 *   cue        words that give something away: "too expensive" is a cue of an objection
 *   agent      whoever speaks for the company; the other is the customer
 */

export interface ContentInput {
  readonly segments: readonly TranscriptSegment[];
  /** What the transcription took the language to be (BCP 47), or null when it did not say. */
  readonly language: string | null;
  /** Free text of the partner's: "support", "sales" … */
  readonly callType: string;
  /** What was found before the segments were masked; without it the segments are searched. */
  readonly personalData?: readonly PersonalDataFinding[];
  readonly signal?: AbortSignal;
}

/** The port: whatever can tell what a call was about. */
export interface ContentEngine {
  readonly name: string;
  /** Throws LanguageUnsupportedError, and the signal's reason when aborted. */
  analyse(input: ContentInput): Promise<ContentAnalysis>;
}

export interface Utterance {
  readonly text: string;
  readonly speaker: string;
  readonly at_s: number;
  readonly end_s: number;
  readonly segment: number;
}

export type Engine = ContentAnalysis['engines']['summary'];

/** The words are in a language the engine cannot judge: it says so rather than talk nonsense. */
export class LanguageUnsupportedError extends Error {
  readonly code = 'LANGUAGE_UNSUPPORTED';
  readonly language: string;

  constructor(language: string) {
    super(
      `The call is in another language than English ("${language}"). Without a language model only English calls are ` +
        'analysed: set LLM_BASE_URL or OPENAI_API_KEY, or ask for analysis_type "tone_only".',
    );
    this.name = 'LanguageUnsupportedError';
    this.language = language;
  }
}
