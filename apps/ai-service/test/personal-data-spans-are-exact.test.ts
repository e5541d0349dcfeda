import { describe, expect, test } from 'vitest';
import {
  findPersonalData,
  maskPersonalData,
} from '../src/domain/content/personal-data/find-personal-data.ts';
import { passesLuhn, passesMod97 } from '../src/domain/content/personal-data/numbers.ts';
import { findInSegments, redactTranscript } from '../src/domain/content/personal-data/redact-transcript.ts';

/** Each text has its personal data between « and »; what stands there must be found to the letter, and nothing else. */
const marked: readonly (readonly [kinds: string, text: string])[] = [
  ['email', 'Please write to «john.smith+x@example.co.uk», thanks.'],
  ['email', 'my email is «john dot smith at gmail dot com» okay'],
  ['email', 'it is «j o h n at example dot com»'],
  ['email', 'send it to «info underscore desk at my dash shop dot co dot uk» please'],
  ['card', 'card «4111 1111 1111 1111» expires soon'],
  ['card', 'it is «5555-5555-5555-4444».'],
  ['card', 'my card is «four one one one one one one one one one one one one one one one» thanks'],
  ['card', 'so «four triple one double one double one double one double one double one double one» okay'],
  ['iban', 'IBAN «GB82 WEST 1234 5698 7654 32» please'],
  ['iban', 'the iban is «de89370400440532013000».'],
  ['ssn', 'ssn «078-05-1120» ok'],
  ['ssn', 'my social security number is «zero seven eight oh five one one two oh»'],
  ['ip ip', 'server at «192.168.10.5» and «2001:db8::1» with version 1.2.3'],
  ['date', 'born on «12/03/1985» in the north'],
  ['date date', 'either «March 3rd 1985» or the «fifth of june nineteen eighty four»'],
  ['date', 'my birthday is the «3rd of march»'],
  ['date', 'valid from «2024-02-29» on'],
  ['url url', 'see «https://example.com/a?b=c». or «www.foo.org»'],
  ['url', 'look at «example dot com»'],
  ['phone phone phone', 'call «(213) 373-4253» or «+44 20 7946 0958» or «555-123-4567»'],
  ['phone', 'It is «four one five, five five five, zero one four two».'],
  ['name name', 'i spoke to «john smith» and «Maria Gonzalez» yesterday'],
  ['name', 'my name is «aarav patel» and i need help'],
  ['name', 'my name is «daniel» how can i help you'],
  ['name', 'Hello, this is «Mark» from support.'],
  ['number', 'policy number «123456» please'],
  ['number', 'my account number is «four five six seven eight nine»'],
];

test.each(marked)('%s: %s', (kinds, text) => {
  const plain = text.replace(/[«»]/g, '');
  const found = findPersonalData(plain);
  let rebuilt = '';
  let from = 0;
  for (const { start, end } of found) {
    rebuilt += `${plain.slice(from, start)}«${plain.slice(start, end)}»`;
    from = end;
  }
  expect(rebuilt + plain.slice(from)).toBe(text);
  expect(found.map((span) => span.kind).join(' ')).toBe(kinds);
});

test.each([
  'We sold 250,000 units for $1,250,000.50 in 2023, 15% more. Bill will mark it may be next week.',
  'so i will bill you in may and mark the page with a rose, hope that is grand',
  'i waited twenty to thirty minutes, one or two times, at ten fifteen on monday',
  'Good morning, thank you for calling customer support. How can I help you?',
  'the meeting is at 10:30:00 in room 12 on the second floor',
  'it costs nineteen ninety nine a month or two hundred and forty a year',
  'the appointment is on the 3rd of march at ten',
  'please look at the office. It is fine. In the end, we paid 12.50 on 3/4.',
  'one two three testing, the version is 3.2.1 and the ratio 16:9',
  'There is a problem with the line. We can send someone next Friday.',
])('nothing is found in: %s', (text) => {
  expect(findPersonalData(text)).toEqual([]);
});

test.each(marked)('masking leaves nothing of %s, nothing to find, and twice is once: %s', (kinds, text) => {
  const masks = kinds.split(' ').map((kind) => `[${kind.toUpperCase()}]`);
  const masked = maskPersonalData(text.replace(/[«»]/g, ''));
  expect(masked).toBe(text.replace(/«[^»]*»/g, () => masks.shift() ?? ''));
  expect(findPersonalData(masked)).toEqual([]);
});

describe('check digits', () => {
  test('tell a card from a number of the same length', () => {
    expect(passesLuhn('4111111111111111')).toBe(true);
    expect(passesLuhn('4111111111111112')).toBe(false);
    expect(findPersonalData('4111 1111 1111 1112').map((span) => span.kind)).toEqual(['number']);
  });

  test('tell an IBAN from a look-alike', () => {
    expect(passesMod97('GB82WEST12345698765432')).toBe(true);
    expect(passesMod97('GB82WEST12345698765433')).toBe(false);
  });
});

describe('over segments', () => {
  const segments = [
    { start_s: 0, end_s: 4, speaker: 'customer', text: 'my card is four one one one one one one one' },
    { start_s: 4, end_s: 5, speaker: 'agent', text: 'okay' },
    { start_s: 5, end_s: 9, speaker: 'customer', text: 'one one one one one one one one thank you' },
    { start_s: 9, end_s: 12, speaker: 'agent', text: 'thank you john smith' },
  ];

  test('a card read out in two breaths is found as one, in both segments', async () => {
    expect(
      (await findInSegments(segments)).map(({ kind, segment, start, end }) => [
        kind,
        segments[segment]?.text.slice(start, end),
      ]),
    ).toEqual([
      ['card', 'four one one one one one one one'],
      ['card', 'one one one one one one one one'],
      ['name', 'john smith'],
    ]);
  });

  test('redaction masks segments and transcript alike, and says where the masks are', async () => {
    const transcript = segments.map((segment) => `${segment.speaker}: ${segment.text}`).join('\n');
    const redacted = await redactTranscript({ transcript, segments });
    expect(redacted.transcript).toBe(
      'customer: my card is [CARD]\nagent: okay\ncustomer: [CARD] thank you\nagent: thank you [NAME]',
    );
    expect(redacted.segments.map((segment) => segment.text)).toEqual([
      'my card is [CARD]',
      'okay',
      '[CARD] thank you',
      'thank you [NAME]',
    ]);
    for (const { segment, start, end } of redacted.personalData)
      expect(redacted.segments[segment]?.text.slice(start, end)).toMatch(/^\[(?:CARD|NAME)\]$/);
    expect(redacted.personalData).toHaveLength(3);
  });

  test('a segment of a thousand sentences is searched in pieces, with exact spans and no number cut in two', async () => {
    const text =
      'so the card is four one one one one one one one one one one one one one one one and then '.repeat(60);
    const found = await findInSegments([{ start_s: 0, end_s: 600, speaker: 'a', text }]);
    expect(found).toHaveLength(60);
    for (const { kind, start, end } of found)
      expect([kind, text.slice(start, end)]).toEqual(['card', `four${' one'.repeat(15)}`]);
  });

  test('a transcript that is not made of the segments is masked all the same', async () => {
    expect(
      (await redactTranscript({ transcript: 'write to a.b@example.com', segments: [] })).transcript,
    ).toBe('write to [EMAIL]');
  });
});

test.each(['a.', 'a dot ', '1 ', 'one ', 'a at ', '1-', 'x dot com ', 'my name is ', 'GB82 ', 'double '])(
  'a hostile text of %j over and over is searched in a time that grows no faster than its square',
  (piece) => {
    // A backtracking pattern would not come back from this within the test's minute.
    expect(findPersonalData(piece.repeat(2_000)).length).toBeGreaterThanOrEqual(0);
  },
);
