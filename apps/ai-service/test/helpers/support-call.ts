import { readFileSync } from 'node:fs';
import type { TranscriptSegment } from '@switchboard/contracts';

/** The words of the bundled support call: as they were written, or as a recogniser without punctuation writes them. */
export function supportCall(style: 'written' | 'recognised' = 'written'): TranscriptSegment[] {
  const file = new URL('../../../../examples/recordings/support-call.json', import.meta.url);
  const { lines }: { lines: TranscriptSegment[] } = JSON.parse(readFileSync(file, 'utf8'));
  return lines.map(({ start_s, end_s, speaker, text }) => ({
    start_s,
    end_s,
    speaker,
    text: style === 'written' ? text : text.toLowerCase().replace(/[^a-z' ]/g, ''),
  }));
}

/** Segments of three seconds each, said in turn. */
export function makeCall(lines: readonly (readonly [speaker: string, text: string])[]): TranscriptSegment[] {
  return lines.map(([speaker, text], index) => ({
    start_s: index * 3,
    end_s: index * 3 + 2.8,
    speaker,
    text,
  }));
}
