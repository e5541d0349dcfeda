import type { z } from 'zod';
import { listSettings, type SettingPlace } from './setting.ts';

export type EnvVariables = Readonly<Record<string, string | undefined>>;

export interface ConfigFault {
  readonly name: string;
  readonly message: string;
}

/** The configuration cannot be used. `message` lists every fault, one a line; a process ends with EX_CONFIG (78). */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const count = faults.length === 1 ? 'One setting is' : `${faults.length} settings are`;
    super([`${count} wrong:`, ...faults.map((fault) => `  ${fault.message}`)].join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const readVariable = (env: EnvVariables, name: string): string | undefined => {
  const value = env[name];
  // Compose files and shells pass "unset" as the empty string.
  return value === undefined || value.trim() === '' ? undefined : value;
};

/** Puts a value at a path. Groups are made even for an unset value, so that their defaults apply. */
const setIn = (target: Record<string, unknown>, path: readonly string[], value: unknown): void => {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    if (value !== undefined) target[key] = value;
    return;
  }
  const child = target[key];
  const next: Record<string, unknown> = typeof child === 'object' && child !== null ? { ...child } : {};
  target[key] = next;
  setIn(next, rest, value);
};

const describeFault = (place: SettingPlace, value: string | undefined, message: string): string => {
  const { env, description, example, secret } = place.meta;
  const hint = example === undefined ? '' : ` Example: ${env}=${example}`;
  if (value === undefined) return `${env} is missing: ${description}.${hint}`;
  const shown = secret ? 'has a value that cannot be used' : `is ${JSON.stringify(value)}`;
  return `${env} ${shown}: ${message}.${hint}`;
};

/**
 * Reads a whole configuration at once.
 *
 * @param schema an object of groups whose fields are made by `setting()`
 * @param env where the variables are; `process.env` in an app's `config.ts`
 * @throws {ConfigError} naming every fault; values of secrets are never part of it
 */
export const loadConfig = <Schema extends z.ZodObject>(
  schema: Schema,
  env: EnvVariables,
): z.output<Schema> => {
  const places = listSettings(schema);
  const raw: Record<string, unknown> = {};
  for (const place of places) setIn(raw, place.path, readVariable(env, place.meta.env));
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue): ConfigFault => {
    const path = issue.path.map(String);
    const place = places.find((known) => known.path.every((part, index) => path[index] === part));
    if (!place) return { name: path.join('.'), message: issue.message };
    const value = readVariable(env, place.meta.env);
    return { name: place.meta.env, message: describeFault(place, value, issue.message) };
  });
  throw new ConfigError(faults);
};
