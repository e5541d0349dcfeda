import type { TestIdentity } from './identity.ts';
import { PUBLIC_URL } from './identity.ts';

export interface Shown {
  readonly status: number;
  readonly url: string;
  readonly text: string;
  readonly headers: Headers;
}

export interface Browser {
  /** Opens an address and follows redirects, up to a page, or an address that is neither ours nor a provider's. */
  open(url: string, options?: { readonly followsMax?: number }): Promise<Shown>;
  /** Sends a form, then goes on as a browser does. */
  send(url: string, form: Readonly<Record<string, string>>, options?: SendOptions): Promise<Shown>;
  /** Every cookie as it was set, newest last. */
  readonly setCookies: readonly string[];
  cookie(name: string): string | undefined;
}

export interface SendOptions {
  readonly ip?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly origin: string;
}

const REDIRECTS_MAX = 20;

/** Enough of a browser for pages without JavaScript: cookies with their paths, redirects, forms. */
export const createBrowser = (
  identity: Pick<TestIdentity, 'app'>,
  options: { readonly ip?: string } = {},
): Browser => {
  const cookies = new Map<string, Cookie>();
  const setCookies: string[] = [];

  const keep = (origin: string, header: string): void => {
    setCookies.push(header);
    const [pair = '', ...attributes] = header.split('; ');
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const attribute = (wanted: string) =>
      attributes.find((each) => each.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const path = attribute('path') ?? '/';
    const key = `${origin} ${path} ${name}`;
    if (attribute('max-age') === '0' || new Date(attribute('expires') ?? '2100-01-01') < new Date()) {
      cookies.delete(key);
    } else cookies.set(key, { name, value, path, origin });
  };

  const cookieHeader = (url: URL): string =>
    [...cookies.values()]
      .filter(({ origin, path }) => {
        if (origin !== url.origin) return false;
        return path === '/' || url.pathname === path || url.pathname.startsWith(`${path}/`);
      })
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');

  const ask = async (
    url: URL,
    form: Readonly<Record<string, string>> | undefined,
    { ip = options.ip ?? '203.0.113.7', headers = {} }: SendOptions,
  ): Promise<Shown> => {
    const cookie = cookieHeader(url);
    const sent = {
      accept: 'text/html',
      ...(cookie === '' ? {} : { cookie }),
      ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      ...headers,
    };
    const payload = form ? new URLSearchParams(form).toString() : undefined;
    const method = form ? 'POST' : 'GET';
    if (url.origin === PUBLIC_URL) {
      const answer = await identity.app.inject({
        method,
        url: url.pathname + url.search,
        headers: { 'x-forwarded-for': ip, 'user-agent': 'A browser of the tests', ...sent },
        ...(payload === undefined ? {} : { payload }),
      });
      for (const header of [answer.headers['set-cookie'] ?? []].flat()) keep(url.origin, header);
      const answered = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) {
        if (name !== 'set-cookie') answered.set(name, String(value));
      }
      return { status: answer.statusCode, url: url.href, text: answer.body, headers: answered };
    }
    const answer = await fetch(url, {
      method,
      headers: sent,
      redirect: 'manual',
      ...(payload === undefined ? {} : { body: payload }),
    });
    for (const header of answer.headers.getSetCookie()) keep(url.origin, header);
    return { status: answer.status, url: url.href, text: await answer.text(), headers: answer.headers };
  };

  const follow = async (shown: Shown, followsMax: number, sendOptions: SendOptions): Promise<Shown> => {
    let last = shown;
    for (let followed = 0; followed < followsMax; followed += 1) {
      const location = last.headers.get('location');
      if (last.status < 300 || last.status >= 400 || location === null) return last;
      const next = new URL(location, last.url);
      const isHere = next.origin === PUBLIC_URL || next.hostname === '127.0.0.1';
      if (!isHere) return { ...last, url: next.href, text: '' };
      last = await ask(next, undefined, sendOptions);
    }
    return last;
  };

  return {
    async open(url, { followsMax = REDIRECTS_MAX } = {}) {
      return follow(await ask(new URL(url, PUBLIC_URL), undefined, {}), followsMax, {});
    },
    async send(url, form, sendOptions = {}) {
      const { headers: _onlyOfTheForm, ...rest } = sendOptions;
      return follow(await ask(new URL(url, PUBLIC_URL), form, sendOptions), REDIRECTS_MAX, rest);
    },
    setCookies,
    cookie: (name) => [...cookies.values()].find((cookie) => cookie.name === name)?.value,
  };
};

/** The hidden field that every form of a page carries. */
export const formTokenIn = (page: string): string =>
  /name="form_token" value="([^"]+)"/.exec(page)?.[1] ?? '';
