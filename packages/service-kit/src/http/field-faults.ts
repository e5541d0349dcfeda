import type { FieldFault } from '@switchboard/contracts';
import type { z } from 'zod';
import { isStorableText } from './inspect-json.ts';

type Issue = z.core.$ZodIssue;

const fieldOf = (path: readonly PropertyKey[], root: string): string =>
  path.length === 0 ? root : path.map(String).join('.');

const deepest = (issues: readonly Issue[]): number =>
  Math.max(0, ...issues.map((issue) => issue.path.length));

/** zod's own words of a union that nobody gave others. */
const UNION_MESSAGE = 'Invalid input';

const isMissing = (issue: Issue): boolean => 'input' in issue && issue.input === undefined;

const faultsOf = (issue: Issue, root: string, prefix: readonly PropertyKey[]): FieldFault[] => {
  const path = [...prefix, ...issue.path];
  // Whatever else the schema says of the value: there is none.
  if (isMissing(issue)) return [{ field: fieldOf(path, root), message: 'is required' }];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldOf([...path, key], root), message: 'is not known' }));
  }
  // zod says of a name only that it is invalid; why is inside.
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ field: fieldOf(path, root), message }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch that got furthest is the one the caller meant; branches that all failed at once are told together.
    const best = issue.errors.reduce((a, b) => (deepest(b) > deepest(a) ? b : a));
    if (deepest(best) > 0) return best.flatMap((inner) => faultsOf(inner, root, path));
    if (issue.message !== UNION_MESSAGE) return [{ field: fieldOf(path, root), message: issue.message }];
    const words = new Set(issue.errors.flat().map((inner) => inner.message));
    return [{ field: fieldOf(path, root), message: [...words].join(', or ') }];
  }
  return [{ field: fieldOf(path, root), message: issue.message }];
};

/** Every faulty field of a value in words, from a parse with `reportInput`. `root` names the value itself, for a fault that is in no field. */
export const toFieldFaults = (error: z.core.$ZodError, root: string): readonly FieldFault[] =>
  error.issues.flatMap((issue) => faultsOf(issue, root, []));

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'an array',
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

const unitOf = (origin: string): string =>
  origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : '';

/** Words for people where a schema has none of its own; the schema's go before these. */
export const faultMessage: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPE_WORDS[issue.expected] ?? `of type ${issue.expected}`}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'too_small':
      return `must be at least ${issue.minimum}${unitOf(issue.origin)}`;
    default:
      return undefined;
  }
};

/** Query and path parameters that no column could hold. */
export const unstorableFaults = (values: unknown): readonly FieldFault[] =>
  Object.entries(typeof values === 'object' && values !== null ? values : {})
    .filter(([, value]) => [value].flat().some((text) => typeof text === 'string' && !isStorableText(text)))
    .map(([field]) => ({ field, message: 'must not contain NUL' }));
