import { createHash } from 'node:crypto';
import {
  authRoutes,
  deviceRoutes,
  type LimitGroup,
  type Principal,
  principalId,
} from '@switchboard/contracts';
import { addressGroup } from '@switchboard/service-kit';
import type { FastifyRequest } from 'fastify';

type AskingRequest = Pick<FastifyRequest, 'headers' | 'query'>;

export interface LimitedCaller {
  readonly request: AskingRequest;
  /** Of the route, not as it was written. */
  readonly path: string;
  readonly address: string;
  /** Null where no credential is taken. */
  readonly principal: Principal | null;
}

/** No sign-in is larger. A larger body is not looked into: it counts for its address alone. */
const BODY_BYTES_MAX = 64 * 1024;
/** Of an e-mail address or a session id. */
const NAME_CHARACTERS_MAX = 320;

const utf8 = new TextDecoder();

const readFields = ({ headers }: AskingRequest, body: Buffer): Readonly<Record<string, unknown>> => {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  // Without its byte order mark, as the services read it.
  const text = utf8.decode(body);
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(text));
  if (type !== 'application/json') return {};
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed !== null && typeof parsed === 'object' ? { ...parsed } : {};
  } catch {
    // The service says what is wrong with it.
    return {};
  }
};

/** As the router read the query, and so the service: another reading would let a password be counted as a refresh. */
const isRefresh = ({ query }: AskingRequest): boolean =>
  (query as Readonly<Record<string, unknown>>).grant_type === 'refresh_token';

/** Hashed: e-mail addresses belong neither into Redis nor into its slow log. */
const digest = (name: string): string =>
  createHash('sha256').update(name.slice(0, NAME_CHARACTERS_MAX)).digest('base64url');

/** A refresh token begins with its session, which is the same in the next one. */
const SESSION_CHARACTERS = 22;

/**
 * Whom a body speaks of: the session that is refreshed, the device that waits, else the e-mail address; null when none.
 * Sessions and devices only where the route is about them: a field that a route does not read says nothing, or whoever
 * makes one up has a limit of their own with every request.
 */
const nameIn = (path: string, request: AskingRequest, body: Buffer): string | null => {
  if (body.length > BODY_BYTES_MAX) return null;
  const { email, refresh_token: token, device_code: device } = readFields(request, body);
  if (path === authRoutes.token.path && isRefresh(request)) {
    return typeof token === 'string' ? `session:${digest(token.slice(0, SESSION_CHARACTERS))}` : null;
  }
  // Each polls a dozen times a minute: a few of them behind one address are not too many.
  if (path === deviceRoutes.createDeviceToken.path && typeof device === 'string') {
    return `device:${digest(device)}`;
  }
  const address = typeof email === 'string' ? email.normalize('NFC').trim().toLowerCase() : '';
  return address === '' ? null : `email:${digest(address)}`;
};

/** A program that nobody signed in to is one of many behind one public key: its address tells it apart. */
const isKnown = (principal: Principal | null): principal is Principal =>
  principal !== null && principal.kind !== 'anon';

/**
 * Whose requests count together in a group (spec: common contract, "Limits").
 *
 * @param body what the caller sent, where the group asks for it; null when there is none, or none that can be looked into
 */
export const callerOf = (
  keyedBy: LimitGroup['keyedBy'],
  { request, path, address, principal }: LimitedCaller,
  body: Buffer | null,
): string => {
  if (keyedBy !== 'address+email') {
    return isKnown(principal) ? principalId(principal) : `address:${addressGroup(address)}`;
  }
  const from = `address:${addressGroup(address)}`;
  if (principal?.kind === 'user') return `${from}:user:${principal.user_id}`;
  const name = body && nameIn(path, request, body);
  return name ? `${from}:${name}` : from;
};
