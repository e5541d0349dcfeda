import { z } from 'zod';
import * as results from '../partner/analysis-results.ts';
import * as partner from '../partner/schemas.ts';

export type JsonSchema = { [key: string]: unknown };

/** Formats whose regular expression says nothing to a reader that the format's name does not. */
const FORMATS_WITHOUT_PATTERN = new Set(['uuid', 'date-time', 'date', 'email']);

const componentName = (exportName: string): string =>
  exportName.charAt(0).toUpperCase() + exportName.slice(1).replace(/Schema$/, '');

/** Exported objects get a name in the documents: the name they have here. Scalars are written in place. */
const named = new Map<z.ZodType, string>();
for (const [name, value] of Object.entries({ ...results, ...partner })) {
  if (value instanceof z.ZodObject) named.set(value, componentName(name));
}

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const describeCustom = (zodSchema: z.core.$ZodTypes, jsonSchema: JsonSchema): void => {
  // The only custom type of the contracts is a file's bytes in a multipart body.
  if (zodSchema._zod.def.type === 'custom') Object.assign(jsonSchema, { type: 'string', format: 'binary' });
};

/** zod leaves a default out of the input side where the value is transformed; a reader wants to know it all the same. */
const describeDefault = (zodSchema: z.core.$ZodTypes, jsonSchema: JsonSchema): void => {
  const { def } = zodSchema._zod;
  const fallback = def.type === 'default' ? def.defaultValue : z.globalRegistry.get(zodSchema)?.default;
  if (fallback !== undefined) jsonSchema.default = fallback;
};

interface Writer {
  /** A reference when the schema has a name, else the schema itself. */
  schemaOf(schema: z.ZodType): JsonSchema;
  /** Every named schema that was asked for, and those they lean on. */
  components(): Record<string, JsonSchema>;
}

/**
 * Turns the contracts' zod schemas into JSON Schema.
 *
 * @param refPrefix where named schemas live in the document, `#/components/schemas/`
 * @param target the dialect: OpenAPI 3.1 speaks 2020-12, AsyncAPI 3.0 a superset of draft 7
 */
export const createSchemaWriter = (refPrefix: string, target: 'draft-2020-12' | 'draft-7'): Writer => {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of named) registry.add(schema, { id });
  const shared = new Map<string, string>();
  const options = {
    target,
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema }) => {
      describeCustom(zodSchema, jsonSchema);
      describeDefault(zodSchema, jsonSchema);
    },
  } as const;
  const { schemas } = z.toJSONSchema(registry, { ...options, uri: (id) => `${refPrefix}${id}` });
  const used = new Set<string>();

  const refOf = (ref: string): string => {
    const own = /__shared#\/(?:\$defs|definitions)\/(.+)$/.exec(ref)?.[1];
    if (own === undefined) {
      used.add(ref.slice(refPrefix.length));
      return ref;
    }
    // Recursive values without a name are all "any JSON": one definition serves them.
    shared.set(own, 'Json');
    return `${refPrefix}Json`;
  };

  const tidy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(tidy);
    if (!isObject(value)) return value;
    const out: JsonSchema = {};
    for (const [key, child] of Object.entries(value)) {
      if (key === '$schema' || key === '$id' || key === 'id') {
        if (typeof child === 'string') continue;
      }
      if (key === 'pattern' && FORMATS_WITHOUT_PATTERN.has(String(value.format))) continue;
      if (key === 'propertyNames' && isObject(child) && child.type === 'string' && !child.enum) continue;
      if (key === '$ref' && typeof child === 'string') out.$ref = refOf(child);
      else if (key === 'example' && !isObject(child)) out.examples = [child];
      else out[key] = tidy(child);
    }
    return out;
  };
  const tidySchema = (schema: unknown): JsonSchema => {
    const out = tidy(schema);
    if (!isObject(out)) throw new TypeError('A schema is an object');
    return out;
  };

  return {
    schemaOf: (schema) => {
      const name = named.get(schema);
      if (name !== undefined) {
        used.add(name);
        return { $ref: `${refPrefix}${name}` };
      }
      // Inside a wrapper, so that named children come out as references.
      const wrapper = z.registry<{ id: string }>();
      for (const [child, id] of named) wrapper.add(child, { id });
      wrapper.add(schema, { id: '__inline' });
      const made = z.toJSONSchema(wrapper, { ...options, uri: (id) => `${refPrefix}${id}` });
      return tidySchema(made.schemas.__inline);
    },
    components: () => {
      const out: Record<string, JsonSchema> = {};
      // Writing one schema may ask for more: go on until nothing new is named.
      for (const name of used) {
        if (out[name] === undefined && schemas[name] !== undefined) out[name] = tidySchema(schemas[name]);
      }
      if (shared.size > 0) {
        const ref = { $ref: `${refPrefix}Json` };
        out.Json = {
          description: 'Any JSON value',
          anyOf: [
            { type: ['string', 'number', 'boolean', 'null'] },
            { type: 'array', items: ref },
            { type: 'object', additionalProperties: ref },
          ],
        };
      }
      return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
};
