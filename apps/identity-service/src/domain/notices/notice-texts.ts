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

export interface DisabledEndpoint {
  readonly endpoint_id: string;
  readonly owner: string;
  readonly environment: string;
  readonly url: string;
  readonly reason: 'gone' | 'failing';
  readonly last_error: string | null;
  readonly disabled_at: string;
}

const whyDisabled = {
  gone: 'Its receiver answered 410 (gone): that it wants no more messages.',
  failing: 'Nothing but failures came from it for days.',
};

/** Host and port; the rest of an address may hold what its receiver keeps secret. */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : 'an address that is none');

export const disabledNotice = (endpoint: DisabledEndpoint): NoticeText => ({
  subject: `The webhook endpoint at ${hostOf(endpoint.url)} was disabled`,
  text: [
    `The webhook endpoint at ${hostOf(endpoint.url)} (${endpoint.endpoint_id}) was disabled at ${endpoint.disabled_at}.`,
    `It gets messages of ${inOneLine(endpoint.owner)} (${endpoint.environment}).`,
    '',
    `Why: ${whyDisabled[endpoint.reason]}`,
    ...(endpoint.last_error === null ? [] : [`The last error: ${inOneLine(endpoint.last_error)}`]),
    '',
    'Nothing is sent to it any more. Nothing is lost either: what it would get is kept and numbered, for as long as messages',
    'are kept (30 days, unless your platform sets another time).',
    '',
    'What to do:',
    '1. Mend the receiver: it must answer 2xx.',
    '2. Let an administrator enable the endpoint again, with what it missed:',
    `   npx switchboard webhooks endpoints enable ${endpoint.endpoint_id} --send-missed`,
    `   (or POST /api/admin/v1/webhooks/endpoints/${endpoint.endpoint_id}/enable with {"send_missed":true}).`,
    '3. If it is needed no longer, let an administrator delete it.',
  ].join('\n'),
});
