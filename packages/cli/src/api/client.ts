import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { RouteContract } from '@switchboard/contracts';
import type { z } from 'zod';
import { OperatorError, UsageError } from '../command.ts';
import { ApiError, readApiError } from './api-error.ts';

type Input<Schema> = Schema extends z.ZodType ? z.input<Schema> : undefined;

/** What a route takes, as its contract says. */
export interface CallInput<Route extends RouteContract> {
  readonly params?: Input<Route['params']>;
  readonly query?: Input<Route['query']>;
  readonly body?: Input<Route['body']>;
  readonly headers?: Readonly<Record<string, string>>;
}

type BodyOfStatus<Answer> = Answer extends { readonly schema: infer Schema extends z.ZodType }
  ? z.output<Schema>
  : undefined;
type Success = 200 | 201 | 202 | 204;

/** What a route gives when all is well. */
export type CallAnswer<Route extends RouteContract> = {
  [Status in keyof Route['responses'] & Success]: BodyOfStatus<Route['responses'][Status]>;
}[keyof Route['responses'] & Success];

/** Asks a gateway by the routes' contracts. */
export interface Client {
  /** @throws OperatorError when it does not work out */
  call<Route extends RouteContract>(route: Route, input?: CallInput<Route>): Promise<CallAnswer<Route>>;
}

const TIMEOUT_MS = 60_000;
const TRIES_OF_REPEATABLE = 3;
const TRY_AGAIN_MS = 300;
const PASSING = new Set([502, 503, 504]);

const addressOf = (url: string, path: string, params: unknown, query: unknown): string => {
  const values = new Map(Object.entries(params ?? {}));
  const address = new URL(
    `${url}${path.replaceAll(/:(\w+)/g, (_all, name: string) => encodeURIComponent(String(values.get(name) ?? '')))}`,
  );
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) address.searchParams.set(name, String(value));
  }
  return address.href;
};

/** `rate_per_second` is said as `--rate`. */
const optionOf = (field: string): string =>
  field.replace(/_(seconds|per_second|id)$/, '').replaceAll('_', '-');

const check = (schema: z.ZodType | undefined, value: unknown): void => {
  const found = schema?.safeParse(value);
  if (!found || found.success) return;
  const faults = found.error.issues.map(({ path, message }) => {
    const [name] = path;
    return name === undefined ? message : `${optionOf(String(name))}: ${message}`;
  });
  throw new UsageError(faults.join('; '));
};

/**
 * Refuses what the contract refuses, before anything is sent: in the words of options, which is how it was said.
 *
 * @throws UsageError
 */
export const checkInput = <Route extends RouteContract>(route: Route, input: CallInput<Route>): void => {
  check(route.params, input.params);
  check(route.query, input.query ?? {});
  check(route.body, input.body);
};

const parseAnswer = <Route extends RouteContract>(
  route: Route,
  status: number,
  text: string,
  url: string,
): CallAnswer<Route> => {
  const schema = route.responses[status]?.schema;
  if (!schema) return undefined as CallAnswer<Route>;
  try {
    return schema.parse(JSON.parse(text)) as CallAnswer<Route>;
  } catch {
    throw new OperatorError(
      `${url} answered in a way that this version does not know. Is it a gateway of the same version? Its /health says which.`,
    );
  }
};

/** @param authorize the headers that say who asks; asked once for each request */
export const createClient = (
  url: string,
  authorize: () => Promise<Readonly<Record<string, string>>>,
): Client => ({
  async call(route, input = {}) {
    const credentials = route.credentials.length > 0 ? await authorize() : {};
    const request: RequestInit = {
      method: route.method,
      headers: {
        accept: 'application/json',
        'user-agent': 'switchboard-cli',
        ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(route.idempotent ? { 'idempotency-key': randomUUID() } : {}),
        ...credentials,
        ...input.headers,
      },
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
    };
    const tries = route.method === 'GET' || route.idempotent ? TRIES_OF_REPEATABLE : 1;
    const response = await send(url, addressOf(url, route.path, input.params, input.query), request, tries);
    if (!response.ok) throw await readApiError(response, url);
    return parseAnswer(route, response.status, await response.text(), url);
  },
});

/** Again where that does no harm: an answer that is lost may be the only one that ever shows a secret. */
const send = async (url: string, address: string, request: RequestInit, tries: number): Promise<Response> => {
  for (let made = 1; ; made += 1) {
    try {
      const response = await fetch(address, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (made >= tries || !PASSING.has(response.status)) return response;
      await response.body?.cancel();
    } catch (error) {
      if (made >= tries) throw unreachable(url, error);
    }
    await pause(TRY_AGAIN_MS * made);
  }
};

/** No answer at all. */
export class UnreachableError extends OperatorError {}

const unreachable = (url: string, error: unknown): UnreachableError => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  const words = code ?? (cause instanceof Error ? cause.message : String(cause));
  return new UnreachableError(
    `${url} does not answer (${words}). Check --url or SWITCHBOARD_URL, or start the local stack with npm start.`,
  );
};

/** 401 of a gateway; `session_not_found` of the service, for the moment in which the gateway does not know the end yet. */
export const isRefusedCredential = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 401 || error.code === 'session_not_found');
