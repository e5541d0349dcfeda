import type { Config } from '../../config.ts';

export interface CookieOptions {
  readonly path: string;
  readonly maxAgeSeconds: number;
  readonly secure: boolean;
}

/** A Set-Cookie of ours: no script reads it, and no other site's form or picture sends it. */
export const setCookie = (name: string, value: string, options: CookieOptions): string =>
  [
    `${name}=${value}`,
    `Path=${options.path}`,
    `Max-Age=${options.maxAgeSeconds}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(options.secure ? ['Secure'] : []),
  ].join('; ');

/** The value of a cookie in a Cookie header; null without one. Ours are base64url, so nothing is decoded. */
export const readCookie = (header: string | undefined, name: string): string | null => {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
};

export interface PublicPlace {
  /** What stands before our paths where the gateway is published under one; mostly nothing. */
  readonly root: string;
  readonly secure: boolean;
}

export const publicPlaceOf = ({ identity }: Pick<Config, 'identity'>): PublicPlace => {
  const { pathname, protocol } = new URL(identity.publicUrl);
  return { root: pathname.replace(/\/+$/, ''), secure: protocol === 'https:' };
};
