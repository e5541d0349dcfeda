import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type {
  CredentialKind,
  PartnerPermission,
  Principal,
  ProviderName,
  UserRole,
} from './credentials/principal.ts';
import { errors } from './errors/app-error.ts';
import type { ErrorCode } from './errors/catalogue.ts';
import type { LimitGroupName } from './limits.ts';
import type { RouteOwner } from './services.ts';
import type { SurfaceName } from './surfaces.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type BodyType = 'application/json' | 'multipart/form-data' | 'application/x-www-form-urlencoded';

export interface ResponseContract {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Of an answer that is no JSON: a page, whose schema is then of text; a file, which has none and is a stream. */
  readonly mediaType?: 'text/html; charset=utf-8' | 'application/octet-stream';
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * One route, said once: the gateway builds its routing table from it, the owning service implements it, OpenAPI is
 * generated from it. Paths use `:name` for parameters.
 */
export interface RouteContract {
  /** operationId, `<surface>.<resource>.<verb>` */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Where the promise comes from: the guide, or "ours". */
  readonly source: string;
  /** Of a realtime route: a plain request is told to upgrade. What travels is said by a `RealtimeContract`. */
  readonly upgrade?: 'websocket';
  readonly method: Method;
  readonly path: string;
  readonly service: RouteOwner;
  readonly surface: SurfaceName;
  readonly credentials: readonly CredentialKind[];
  /** Of a partner key. */
  readonly permission?: PartnerPermission;
  /** Of a user: one of these. */
  readonly roles?: readonly UserRole[];
  /** Whose signature a route for the credential `provider` takes. */
  readonly provider?: ProviderName;
  /** True: a user's token may come as `?access_token=`, for browsers whose EventSource and WebSocket send no headers. */
  readonly acceptsQueryToken?: true;
  readonly limitGroup?: LimitGroupName;
  /**
   * Error codes, as callers see them, that say a secret in the body was wrong: a guess, which counts as a refused credential of
   * its address. An address with too many of those is not let in for a minute. Of a route that does several things, only
   * requests with this in their query: nobody guesses a refresh token, and whoever is refused with one is signed out.
   */
  readonly guesses?: {
    readonly codes: readonly string[];
    readonly query?: Readonly<Record<string, string>>;
  };
  /** Largest body taken; default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** How long the gateway waits for the service; default 30 s. */
  readonly timeoutSeconds?: number;
  /** True: `X-Idempotency-Key` or `Idempotency-Key` is understood. */
  readonly idempotent?: boolean;
  /**
   * True: keys and texts of the JSON that are refused anywhere else reach the service, which looks at each entry by itself, so
   * that a faulty one does not keep out the others.
   */
  readonly inspectsEntries?: true;
  /** Media types of the body; default JSON where there is a body schema. */
  readonly consumes?: readonly BodyType[];
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly responses: Readonly<Record<number, ResponseContract>>;
  readonly errors: readonly ErrorCode[];
}

export const BODY_BYTES_MAX_DEFAULT = 1024 * 1024;
export const TIMEOUT_SECONDS_DEFAULT = 30;

/** Declares a route; the literal types survive, so handlers, gateway and tests know params, query, body and answers. */
export const defineRoute = <const Route extends RouteContract>(route: Route): Route => route;

/** Whether people look at the answers of a route in a browser: then its errors are pages too. */
export const answersWithPages = (route: RouteContract): boolean =>
  Object.values(route.responses).some(({ mediaType }) => mediaType?.startsWith('text/html'));

/** In which a page names the error that it tells a person of: for the gateway, which passes no `x-internal-` header on. */
export const PAGE_ERROR_HEADER = 'x-internal-error-code';

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export type ParamsOf<Route extends RouteContract> = Output<Route['params']>;
export type QueryOf<Route extends RouteContract> = Output<Route['query']>;
export type BodyOf<Route extends RouteContract> = Output<Route['body']>;

/** A list is a header that comes several times: Set-Cookie. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What a handler gives back: one of the declared statuses with the body its schema takes. */
export type AnswerOf<Route extends RouteContract> = {
  [Status in keyof Route['responses'] & number]: {
    readonly status: Status;
    readonly headers?: AnswerHeaders;
  } & (Route['responses'][Status] extends { readonly schema: infer Schema extends z.ZodType }
    ? { readonly body: z.input<Schema> }
    : Route['responses'][Status] extends { readonly mediaType: 'application/octet-stream' }
      ? { readonly body: Readable }
      : { readonly body?: undefined });
}[keyof Route['responses'] & number];

/**
 * Asked by the gateway and again by the service, so that neither leans on the other.
 *
 * @throws INSUFFICIENT_ROLE for a user without one of the route's roles
 */
export const requireRole = ({ roles }: RouteContract, principal: Principal): void => {
  if (roles && principal.kind === 'user' && !roles.includes(principal.role)) {
    throw errors.insufficientRole(roles);
  }
};
