import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PersonalDataFinding, TranscriptSegment } from '@switchboard/contracts';
import { findPersonalData, maskOf, maskPersonalData, maskSpans } from './find-personal-data.ts';

export interface RedactedTranscript {
  readonly transcript: string;
  readonly segments: TranscriptSegment[];
  /** Where the masks are, in the masked segments. */
  readonly personalData: PersonalDataFinding[];
}

/** A card number is read out in breaths: the same speaker's segments closer than this are read as one text. Seconds. */
const breathSeconds = 15;
/** Keeps one reading short enough not to hold up the event loop: about 30 ms of rules. */
const readingCharsMax = 1_500;
/** A reading is not cut beside a word that may be part of a number read out. */
const numberWord =
  /^(?:\d[\d,.-]*|zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple|at|dot|\w+(?:teen|ty))$/i;

/**
 * Finds personal data in segments. A number read out over several segments, or interrupted by the other's "okay", is
 * found as one and reported for each segment it touches. Spans are offsets in the segment's text.
 */
export async function findInSegments(
  segments: readonly TranscriptSegment[],
  signal?: AbortSignal,
): Promise<PersonalDataFinding[]> {
  const found: PersonalDataFinding[] = [];
  for (const reading of collectReadings(segments)) {
    for (const span of findPersonalData(reading.text))
      for (const { segment, from, offset, length } of reading.places) {
        const spoken = segments[segment];
        if (spoken === undefined) continue;
        const start = Math.max(span.start - from, 0);
        const end = Math.min(span.end - from, length);
        if (end > start)
          found.push({
            kind: span.kind,
            speaker: spoken.speaker,
            at_s: spoken.start_s,
            segment,
            start: start + offset,
            end: end + offset,
          });
      }
    signal?.throwIfAborted();
    await nextTurn();
  }
  return found.sort((left, right) => left.segment - right.segment || left.start - right.start);
}

/**
 * Masks personal data in the segments and in the transcript made of them (`REDACT_PII=true`).
 *
 * The transcript may hold the segments with anything between them (line breaks, speakers' names): it is masked where
 * the segments are, and what lies between them is searched by itself.
 */
export async function redactTranscript(input: {
  readonly transcript: string;
  readonly segments: readonly TranscriptSegment[];
  readonly signal?: AbortSignal;
}): Promise<RedactedTranscript> {
  const found = await findInSegments(input.segments, input.signal);
  const personalData: PersonalDataFinding[] = [];
  const segments = input.segments.map((segment, index) => {
    const spans = found.filter((finding) => finding.segment === index);
    let shift = 0;
    for (const finding of spans) {
      const start = finding.start + shift;
      const length = maskOf(finding.kind).length;
      personalData.push({ ...finding, start, end: start + length });
      shift += length - (finding.end - finding.start);
    }
    return { ...segment, text: maskSpans(segment.text, spans) };
  });

  let transcript = '';
  let from = 0;
  for (const [index, segment] of input.segments.entries()) {
    const at = segment.text === '' ? -1 : input.transcript.indexOf(segment.text, from);
    if (at < 0) continue;
    transcript += maskPersonalData(input.transcript.slice(from, at)) + (segments[index]?.text ?? '');
    from = at + segment.text.length;
  }
  transcript += maskPersonalData(input.transcript.slice(from));
  return { transcript, segments, personalData };
}

interface Place {
  readonly segment: number;
  /** Where it begins in the reading, and in the segment. */
  readonly from: number;
  readonly offset: number;
  readonly length: number;
}

interface Reading {
  text: string;
  readonly places: Place[];
  end_s: number;
}

function collectReadings(segments: readonly TranscriptSegment[]): Reading[] {
  const readings: Reading[] = [];
  const open = new Map<string, Reading>();
  for (const [index, segment] of segments.entries())
    for (const { text, offset } of cutLong(segment.text)) {
      const last = open.get(segment.speaker);
      const place = { segment: index, offset, length: text.length };
      if (
        last !== undefined &&
        offset === 0 &&
        segment.start_s - last.end_s <= breathSeconds &&
        last.text.length + text.length < readingCharsMax
      ) {
        last.places.push({ ...place, from: last.text.length + 1 });
        last.text += ` ${text}`;
        last.end_s = segment.end_s;
      } else {
        const reading = { text, places: [{ ...place, from: 0 }], end_s: segment.end_s };
        readings.push(reading);
        open.set(segment.speaker, reading);
      }
    }
  return readings;
}

/** A segment of many sentences in pieces, cut at blanks. */
function cutLong(text: string): { text: string; offset: number }[] {
  const pieces: { text: string; offset: number }[] = [];
  let offset = 0;
  while (text.length - offset > readingCharsMax) {
    let end = offset + readingCharsMax;
    for (const blank of text.slice(end, end + 300).matchAll(/(?<=(\S+))\s+(?=(\S+))/g)) {
      if (numberWord.test(blank[1] ?? '') || numberWord.test(blank[2] ?? '')) continue;
      end += blank.index;
      break;
    }
    pieces.push({ text: text.slice(offset, end), offset });
    offset = end;
  }
  return [...pieces, { text: text.slice(offset), offset }];
}
