import { timingSafeEqual } from 'node:crypto';
import type { Secrets } from '../tokens/secrets.ts';

const PURPOSE = 'page forms';

/** What every form of a page carries: follows from the browser's cookie, which no other site can read. */
export const formTokenOf = (secrets: Secrets, browserId: string): string =>
  secrets.macs(PURPOSE, browserId)[0]?.toString('base64url') ?? '';

/** Whether a form was sent from a page that this browser got from us, and not by another site in its name. */
export const isOurForm = (
  secrets: Secrets,
  form: {
    readonly browserId: string | null;
    readonly formToken: string;
    /** Sec-Fetch-Site. Browsers that know it tell the truth in it, also where a sibling domain has set our cookie. */
    readonly fetchSite: string | string[] | undefined;
  },
): boolean => {
  if (form.browserId === null) return false;
  if (form.fetchSite !== undefined && form.fetchSite !== 'same-origin') return false;
  const given = Buffer.from(form.formToken, 'base64url');
  return secrets
    .macs(PURPOSE, form.browserId)
    .some((expected) => given.length === expected.length && timingSafeEqual(given, expected));
};
