import { isDeepStrictEqual } from 'node:util';
import type { Sent, Verdict } from './types.ts';

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isSameJson = (given: Buffer, sent: string): boolean => {
  const parsed = parse(given.toString());
  try {
    return parsed !== undefined && isDeepStrictEqual(parsed, parse(sent));
  } catch {
    // Nested so deep that it cannot be compared.
    return false;
  }
};

const firstDifference = (a: Buffer, b: Buffer): number => {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) if (a[index] !== b[index]) return index;
  return length;
};

/** Whether a receiver checks the bytes that were sent. */
export const judgeBytes = (given: Buffer, sent: Sent | null): Verdict => {
  if (!sent) return { ok: null, detail: 'There is no message to compare the body with' };
  if (sent.body === null) return { ok: null, detail: 'What the message said is kept no longer' };
  const bytes = Buffer.from(sent.body);
  if (given.equals(bytes)) return { ok: true, detail: `The ${bytes.length} bytes that were sent` };
  const lengths = `${bytes.length} bytes were sent, ${given.length} are given`;
  if (isSameJson(given, sent.body)) {
    return {
      ok: false,
      detail: `The same JSON in other bytes (${lengths}): it was parsed and serialised again`,
      advice:
        'Check the signature over the raw bytes of the request, before anything parses them: what is parsed and serialised again is not what was signed.',
    };
  }
  return {
    ok: false,
    detail: `Other bytes than were sent: ${lengths}, different from byte ${firstDifference(given, bytes)} on`,
    advice:
      'Check the raw bytes of the request as they came; something between Switchboard and the receiver changed or cut them, or they are of another request.',
  };
};
