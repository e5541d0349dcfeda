import { hash } from 'node:crypto';
import { AppError, type CredentialKind, type RouteContract } from '@switchboard/contracts';
import { type Credential, type PresentedRequest, RefusedCredential } from '../credentials/credential.ts';
import type { Credentials } from '../credentials/index.ts';
import { queryValues } from '../credentials/presented.ts';
import { TOKEN_PARAMETER } from '../credentials/user.ts';
import type { Follower } from './follower.ts';

/** Followers that came with the same credential from the same address. */
interface Group {
  readonly presented: PresentedRequest;
  readonly credential: Credential;
  readonly route: RouteContract;
  readonly address: string;
  readonly followers: Set<Follower>;
}

/** Asked about at a time. */
const AT_ONCE = 50;

/** What carries the credential, and nothing else of the request. */
const presentedOf = (request: PresentedRequest, { headers: names }: Credential): PresentedRequest => {
  const kept = names.flatMap((name) => {
    const value = request.headers[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const [token] = queryValues(request, TOKEN_PARAMETER);
  return {
    headers: Object.fromEntries(kept),
    raw: {
      rawHeaders: kept.flat(),
      url: token === undefined ? '/' : `/?${TOKEN_PARAMETER}=${encodeURIComponent(token)}`,
    },
  };
};

const isRefusal = (error: unknown): boolean =>
  error instanceof RefusedCredential ||
  (error instanceof AppError && (error.status === 401 || error.status === 403));

/**
 * A socket outlives the moment in which its credential was checked: keys are revoked, sessions end, tokens expire. Each
 * credential is checked again as long as a follower came with it; from the cache, mostly. While nobody can be asked it
 * stays as it is. A ticket is no such credential: asking would spend it, and its owner ends its connection (`Ticket`).
 */
export const createCredentialWatch = (
  credentials: Credentials,
  dropRefused: (follower: Follower) => void,
) => {
  const groups = new Map<string, Group>();
  const groupOf = new Map<Follower, readonly [string, Group]>();
  let isChecking = false;

  const check = async ({ presented, credential, route, address, followers }: Group): Promise<void> => {
    try {
      const admission = await credential.admit(presented, route, () => {});
      if (!admission.allowsAddress(address)) throw new AppError('IP_NOT_ALLOWED');
      credential.authorize(route, admission.principal);
    } catch (error) {
      if (!isRefusal(error)) return;
      for (const follower of [...followers]) dropRefused(follower);
    }
  };

  return {
    add(
      follower: Follower,
      kind: CredentialKind | null,
      request: PresentedRequest,
      route: RouteContract,
      address: string,
    ): void {
      if (kind === null || kind === 'ticket') return;
      const credential = credentials[kind];
      const presented = presentedOf(request, credential);
      const key = hash('sha256', JSON.stringify([kind, route.id, address, presented]));
      const group = groups.get(key) ?? { presented, credential, route, address, followers: new Set() };
      groups.set(key, group);
      group.followers.add(follower);
      groupOf.set(follower, [key, group]);
    },
    remove(follower: Follower): void {
      const entry = groupOf.get(follower);
      if (!entry) return;
      const [key, group] = entry;
      groupOf.delete(follower);
      group.followers.delete(follower);
      if (group.followers.size === 0) groups.delete(key);
    },
    /** Never throws; does nothing while the last time is not over. */
    async checkAll(): Promise<void> {
      if (isChecking) return;
      isChecking = true;
      const waiting = [...groups.values()];
      while (waiting.length > 0) await Promise.all(waiting.splice(0, AT_ONCE).map(check));
      isChecking = false;
    },
  };
};
