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

/**
 * Finds personal data in segments. A number read out over several segments, or interrupted by the other's "okay", is
 * found as one and reported for each segment it touches. Spans are offsets in the segment's text.
 */
export function findInSegments(segments: readonly TranscriptSegment[]): PersonalDataFinding[] {
  const found: PersonalDataFinding[] = [];
  for (const reading of collectReadings(segments))
    for (const span of findPersonalData(reading.text))
      for (const { segment, from } of reading.places) {
        const spoken = segments[segment];
        if (spoken === undefined) continue;
        const start = Math.max(span.start - from, 0);
        const end = Math.min(span.end - from, spoken.text.length);
        if (end > start)
          found.push({ kind: span.kind, speaker: spoken.speaker, at_s: spoken.start_s, segment, start, end });
      }
  return found.sort((left, right) => left.segment - right.segment || left.start - right.start);
}

/**
 * Masks personal data in the segments and in the transcript made of them (`REDACT_PII=true`).
 *
 * The transcript may hold the segments with anything between them (line breaks, speakers' names): it is masked where
 * the segments are, and what lies between them is searched by itself.
 */
export function redactTranscript(input: {
  readonly transcript: string;
  readonly segments: readonly TranscriptSegment[];
}): RedactedTranscript {
  const found = findInSegments(input.segments);
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

interface Reading {
  text: string;
  readonly places: { readonly segment: number; readonly from: number }[];
  end_s: number;
}

function collectReadings(segments: readonly TranscriptSegment[]): Reading[] {
  const readings: Reading[] = [];
  const open = new Map<string, Reading>();
  for (const [index, segment] of segments.entries()) {
    const last = open.get(segment.speaker);
    if (
      last !== undefined &&
      segment.start_s - last.end_s <= breathSeconds &&
      last.text.length + segment.text.length < readingCharsMax
    ) {
      last.places.push({ segment: index, from: last.text.length + 1 });
      last.text += ` ${segment.text}`;
      last.end_s = segment.end_s;
    } else {
      const reading = { text: segment.text, places: [{ segment: index, from: 0 }], end_s: segment.end_s };
      readings.push(reading);
      open.set(segment.speaker, reading);
    }
  }
  return readings;
}
