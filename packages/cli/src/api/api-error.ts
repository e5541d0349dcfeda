import type { FieldFault } from '@switchboard/contracts';
import { OperatorError } from '../command.ts';

/** An answer of a gateway that is not 2xx, in words. */
export class ApiError extends OperatorError {
  readonly status: number;
  /** As the surface words it: `KEY_NOT_FOUND`, `slow_down`. */
  readonly code: string | undefined;

  constructor(message: string, status: number, code: string | undefined) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const textIn = (body: object, ...names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value: unknown = Reflect.get(body, name);
    if (typeof value === 'string') return value;
  }
  return undefined;
};

const isFault = (value: unknown): value is FieldFault =>
  typeof value === 'object' && value !== null && 'field' in value && 'message' in value;

const faultsIn = (body: object): { message: string; text: string }[] => {
  const fields: unknown = Reflect.get(body, 'fields');
  return Array.isArray(fields)
    ? fields.filter(isFault).map(({ field, message }) => ({ message, text: `${field} ${message}` }))
    : [];
};

const adviceFor = (status: number, headers: Headers): string => {
  switch (status) {
    case 403:
      return ' npx switchboard whoami says who you are.';
    case 404:
      return ' The list command shows what there is.';
    case 429:
      return ` Try again in ${headers.get('retry-after') ?? '60'} s.`;
    case 502:
    case 503:
    case 504:
      return ' Try again soon; /health of the gateway says what is down.';
    default:
      return '';
  }
};

/** What went wrong, from the answer in whichever dialect its surface speaks. */
export const readApiError = async (response: Response, url: string): Promise<ApiError> => {
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const answer = typeof body === 'object' && body !== null ? body : {};
  const words = textIn(answer, 'detail', 'msg', 'error_description', 'message', 'title');
  if (words === undefined) {
    return new ApiError(
      `${url} answered ${response.status} without saying why. Is it a gateway of Switchboard?`,
      response.status,
      undefined,
    );
  }
  // Some dialects have them in their sentence already.
  const faults = faultsIn(answer).flatMap(({ message, text }) => (words.includes(message) ? [] : [text]));
  const sentence = [words, ...(faults.length > 0 ? [faults.join('; ')] : [])].join(': ').replace(/\.?$/, '.');
  return new ApiError(
    `${sentence}${adviceFor(response.status, response.headers)}`,
    response.status,
    textIn(answer, 'error_code', 'error', 'code'),
  );
};
