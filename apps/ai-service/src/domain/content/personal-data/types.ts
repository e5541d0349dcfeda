import type { PersonalDataKind } from '@switchboard/contracts';

/*
 * TERMINOLOGY
 *   span    where something is in a text: UTF-16 offsets, end exclusive
 *   spoken  written the way a recogniser hears it: "four one one one", "john dot smith at example dot com"
 *   mask    the word that stands where the span was: [EMAIL]
 */

export interface PersonalDataSpan {
  readonly kind: PersonalDataKind;
  readonly start: number;
  readonly end: number;
  /** What was found in its written form (digits of a card, an e-mail address). Never stored or logged. */
  readonly value?: string;
}
