import { randomBytes } from 'node:crypto';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { sha256Hex } from '../tokens/secrets.ts';
import { publicPlaceOf, readCookie, setCookie } from './cookies.ts';
import { formTokenOf } from './form-token.ts';
import {
  deletePageSession,
  findPageSession,
  insertPageSession,
  type PageSession,
} from './page-session-repository.ts';

const COOKIE = 'switchboard_device';
const BROWSER_ID = /^[A-Za-z0-9_-]{43}$/;
const PAGE_SESSION_SECONDS = 15 * 60;

const cookieOf = ({ config }: Pick<Deps, 'config'>, value: string, maxAgeSeconds: number): string => {
  const { root, secure } = publicPlaceOf(config);
  return setCookie(COOKIE, value, { path: `${root}/device`, maxAgeSeconds, secure });
};

/** The name a browser has with us, whether or not somebody is signed in. */
export const readBrowserId = (cookieHeader: string | undefined): string | null => {
  const id = readCookie(cookieHeader, COOKIE);
  return id !== null && BROWSER_ID.test(id) ? id : null;
};

export interface Visitor {
  readonly formToken: string;
  readonly session: PageSession | null;
  /** To be sent along, where the browser has no name yet. */
  readonly cookies: readonly string[];
}

/** Who looks at a page. */
export const readVisitor = async (
  deps: Pick<Deps, 'config' | 'data' | 'secrets'>,
  cookieHeader: string | undefined,
): Promise<Visitor> => {
  const known = readBrowserId(cookieHeader);
  const browserId = known ?? randomBytes(32).toString('base64url');
  const { db, clock } = deps.data;
  return {
    formToken: formTokenOf(deps.secrets, browserId),
    session: known === null ? null : await findPageSession(db, sha256Hex(known), clock.now()),
    cookies: known === null ? [cookieOf(deps, browserId, PAGE_SESSION_SECONDS)] : [],
  };
};

/**
 * Signs somebody in at our pages. The browser gets another name than before, or whoever gave it the old one would be
 * signed in as well. Gives the cookie.
 */
export const beginPageSession = async (
  executor: Executor,
  deps: Pick<Deps, 'config' | 'data'>,
  userId: string,
): Promise<string> => {
  const browserId = randomBytes(32).toString('base64url');
  const at = deps.data.clock.now();
  const expiresAt = new Date(at.getTime() + PAGE_SESSION_SECONDS * 1000);
  await insertPageSession(executor, { idHash: sha256Hex(browserId), userId, at, expiresAt });
  return cookieOf(deps, browserId, PAGE_SESSION_SECONDS);
};

/** Signs out whoever this browser is signed in as. Gives the cookie that makes it forget its name. */
export const endPageSession = async (
  deps: Pick<Deps, 'config' | 'data'>,
  cookieHeader: string | undefined,
): Promise<string> => {
  const known = readBrowserId(cookieHeader);
  if (known !== null) await deletePageSession(deps.data.db, sha256Hex(known));
  return cookieOf(deps, '', 0);
};
