import { AppError, errors, type RealtimeContract, type RealtimeMessage } from '@switchboard/contracts';
import { faultMessage, toFieldFaults } from '@switchboard/service-kit';

/** What a client sent: a message, or why it is none. */
export interface ReadMessage {
  readonly message: RealtimeMessage | null;
  readonly error: AppError | null;
  /** As the client called them, for the answer. */
  readonly type: string | undefined;
  readonly id: string | number | undefined;
}

const NAME_CHARACTERS_MAX = 100;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const idIn = (value: unknown): string | number | undefined =>
  typeof value === 'number' || (typeof value === 'string' && value.length <= NAME_CHARACTERS_MAX)
    ? value
    : undefined;

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isUnknownType = (issue: { readonly code?: string; readonly path: readonly PropertyKey[] }): boolean =>
  issue.code === 'invalid_union' && issue.path.length === 1 && issue.path[0] === 'type';

/** Reads `{type, data}`; `{type, ...fields}` means the same. `ping` is everybody's, the others are the contract's. */
export const readMessage = (contract: RealtimeContract, text: string): ReadMessage => {
  const parsed = parse(text);
  if (!isObject(parsed) || typeof parsed.type !== 'string') {
    const error = new AppError('INVALID_JSON', {
      message: 'A message must be a JSON object with a type, such as {"type":"ping"}',
    });
    return { message: null, error, type: undefined, id: isObject(parsed) ? idIn(parsed.id) : undefined };
  }
  const { type, id: givenId, data, ...fields } = parsed;
  const id = idIn(givenId);
  const about = { type: type.slice(0, NAME_CHARACTERS_MAX), id };
  if (type === 'ping') return { message: { type, data: {} }, error: null, ...about };
  const read = contract.messages.safeParse(
    { type, data: data ?? fields },
    { error: faultMessage, reportInput: true },
  );
  if (read.success) return { message: read.data, error: null, ...about };
  const error = read.error.issues.some(isUnknownType)
    ? errors.invalidInput([{ field: 'type', message: 'is not known here' }])
    : errors.invalidInput(toFieldFaults(read.error, 'message'));
  return { message: null, error, ...about };
};
