import type { Config } from '../config.ts';

type RedirectConfig = Pick<Config, 'identity'>;

const REDIRECT_CHARACTERS_MAX = 2048;

/**
 * An address written in its one form. Whatever a browser and we could read differently is not: backslashes, tabs, dots
 * that go up, other alphabets, default ports, upper case. Without user, password and fragment.
 */
const readUrl = (text: string): URL | null => {
  if (text.length > REDIRECT_CHARACTERS_MAX || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.href !== text && url.href !== `${text}/`) return null;
  if (url.username !== '' || url.password !== '' || text.includes('#')) return null;
  return /^(javascript|data|vbscript|blob|file|about|view-source):$/.test(url.protocol) ? null : url;
};

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** `*` is anything within one part of the path; an encoded character is not, because it could be a slash. */
const pathPattern = (path: string): RegExp =>
  new RegExp(`^${path.split('*').map(escaped).join('[^/%\\\\?#]+')}$`);

const matches = (url: URL, pattern: string): boolean => {
  if (!URL.canParse(pattern)) return false;
  const allowed = new URL(pattern);
  return (
    url.protocol === allowed.protocol &&
    url.host === allowed.host &&
    url.search === allowed.search &&
    pathPattern(allowed.pathname).test(url.pathname)
  );
};

/**
 * Whether sign-in may send somebody there: an address of AUTH_REDIRECT_URLS, or one of our own (PUBLIC_URL). Scheme,
 * host, port, path and query must all be the same; only a `*` in a path stands for something else.
 */
export const isAllowedRedirect = ({ identity }: RedirectConfig, text: string): boolean => {
  const url = readUrl(text);
  if (!url) return false;
  const own = new URL(identity.publicUrl);
  if (url.protocol === own.protocol && url.host === own.host) return true;
  return identity.redirectUrls.some((pattern) => matches(url, pattern));
};

/** Where to send somebody: there, or to our own front page when that is not allowed or nothing was asked for. */
export const redirectOrHome = (config: RedirectConfig, wanted: string | null | undefined): string =>
  typeof wanted === 'string' && isAllowedRedirect(config, wanted) ? wanted : `${config.identity.publicUrl}/`;

/** Adds to query and fragment of an address; what is there stays. */
export const withParameters = (
  address: string,
  parameters: {
    readonly query?: Readonly<Record<string, string>>;
    readonly fragment?: Readonly<Record<string, string>>;
  },
): string => {
  const url = new URL(address);
  for (const [name, value] of Object.entries(parameters.query ?? {})) url.searchParams.set(name, value);
  if (parameters.fragment) url.hash = new URLSearchParams(parameters.fragment).toString();
  return url.href;
};
