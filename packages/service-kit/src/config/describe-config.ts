import { z } from 'zod';
import { listSettings } from './setting.ts';

export interface SettingDescription {
  readonly name: string;
  /** The groups the setting is in, outermost first. */
  readonly group: string;
  readonly description: string;
  /** As it would be written in the environment; undefined when there is none. */
  readonly default: string | undefined;
  readonly example: string | undefined;
  readonly required: boolean;
  readonly secret: boolean;
}

const inWords = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(String).join(',');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
};

const defaultOf = (schema: z.ZodType): string | undefined => {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return inWords(schema.def.defaultValue);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    const inner = schema.unwrap();
    return inner instanceof z.ZodType ? defaultOf(inner) : undefined;
  }
  return undefined;
};

/** What can be configured: name, meaning, default. `.env.example` and the README's table come from it. */
export const describeConfig = (schema: z.ZodObject): readonly SettingDescription[] =>
  listSettings(schema).map(({ path, meta, schema: field }) => ({
    name: meta.env,
    group: path.slice(0, -1).join('.'),
    description: meta.description,
    default: defaultOf(field),
    example: meta.example,
    required: !field.safeParse(undefined).success,
    secret: meta.secret ?? false,
  }));

/**
 * The text of a `.env.example`: every setting commented out, with its default or an example, so that a copy of it changes
 * nothing (the local stack reads `.env`). A setting that several apps share is written once.
 */
export const renderEnvExample = (apps: readonly (readonly SettingDescription[])[]): string => {
  const byName = new Map<string, SettingDescription>();
  for (const one of apps.flat()) if (!byName.has(one.name)) byName.set(one.name, one);
  const groups = Map.groupBy(byName.values(), (one) => one.group);
  const blocks = [...groups].map(([group, members]) => {
    const lines = members.flatMap((one) => {
      const needed = one.required ? ' Required; `npm start` fills it in.' : '';
      return [`# ${one.description}.${needed}`, `# ${one.name}=${one.default ?? one.example ?? ''}`];
    });
    return [`## ${group}`, ...lines].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
};
