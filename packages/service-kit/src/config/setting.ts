import { z } from 'zod';

/**
 * TERMINOLOGY — *setting*: one environment variable. *Group*: settings of one feature; a config schema is an object
 * of groups. *Fault*: why a setting cannot be used, in words an operator can act on.
 */
export interface SettingMeta {
  /** The environment variable. */
  readonly env: string;
  readonly description: string;
  /** A value that works, for messages and `.env.example`. Not needed where a default says it. */
  readonly example?: string;
  /** True: its value is never printed, not even in a fault. */
  readonly secret?: boolean;
}

const settings = z.registry<SettingMeta>();

/**
 * Names the environment variable that fills a field of a config schema. Wrap last: `.default()` and `.optional()` go
 * inside.
 *
 * @example port: setting('PORT', portField().default(3030), { description: 'Where the service listens' })
 */
export const setting = <Schema extends z.ZodType>(
  env: string,
  schema: Schema,
  meta: Omit<SettingMeta, 'env'>,
): Schema => {
  // A copy, so that one field schema used for two settings does not get the name of the last one.
  const copy = schema.clone();
  settings.add(copy, { env, ...meta });
  return copy;
};

const settingMeta = (schema: z.ZodType): SettingMeta | undefined => settings.get(schema);

export interface SettingPlace {
  readonly path: readonly string[];
  readonly meta: SettingMeta;
  readonly schema: z.ZodType;
}

/** Every setting of a config schema with the place its value goes. Throws on a field that no variable fills. */
export const listSettings = (schema: z.ZodObject, path: readonly string[] = []): readonly SettingPlace[] =>
  Object.entries(schema.shape).flatMap(([key, field]) => {
    if (!(field instanceof z.ZodType)) throw new TypeError(`config schema: ${key} is not a zod schema`);
    const here = [...path, key];
    const meta = settingMeta(field);
    if (meta) return [{ path: here, meta, schema: field }];
    if (field instanceof z.ZodObject) return listSettings(field, here);
    throw new TypeError(`config schema: ${here.join('.')} has no setting(): nothing would ever fill it`);
  });
