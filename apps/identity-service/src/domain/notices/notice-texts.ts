/** What a notice is about, as its reader knows it. */
export interface Credential {
  /** `API key`, `partner key`, `integration token`. */
  readonly noun: string;
  readonly id: string;
  readonly name: string;
}

export interface NoticeText {
  readonly subject: string;
  readonly text: string;
}

/** Names may hold line breaks; a subject must not. */
const inOneLine = (name: string): string => name.replace(/\s+/g, ' ').trim();

export const leakNotice = ({ noun, id, name }: Credential, url: string | null): NoticeText => ({
  subject: `The ${noun} "${inOneLine(name)}" was found in public and has been revoked`,
  text: [
    `The ${noun} "${inOneLine(name)}" (${id}) was found in public${url === null ? '.' : ':'}`,
    ...(url === null ? [] : [url]),
    '',
    'It was revoked at once: whatever uses it is refused from now on. Nothing can make it good again.',
    '',
    'What to do:',
    '1. Make a new one, and put it where the old one was used, but not where it was found.',
    '2. Look at what the old one was used for since it became public.',
    '3. Removing it from the page does not help any more: others may have copied it.',
  ].join('\n'),
});

export const expiryNotice = (
  { noun, id, name }: Credential,
  { expiresAt, daysLeft }: { readonly expiresAt: string; readonly daysLeft: number },
): NoticeText => {
  const when = daysLeft === 1 ? 'within a day' : `within ${daysLeft} days`;
  return {
    subject: `The ${noun} "${inOneLine(name)}" ends ${when}`,
    text: [
      `The ${noun} "${inOneLine(name)}" (${id}) ends by itself at ${expiresAt}.`,
      'Whatever uses it is refused from then on.',
      '',
      'What to do: let an administrator move its end, or make a new one in time.',
    ].join('\n'),
  };
};
