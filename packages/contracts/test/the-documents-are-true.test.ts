import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { callbackSchema, realtimes, routes } from '../src/index.ts';
import { buildAsyncApi } from '../src/specs/asyncapi.ts';
import { callbackExample, realtimeExamples, routeExamples } from '../src/specs/examples.ts';
import { buildOpenApi } from '../src/specs/openapi.ts';
import { buildPostmanCollections } from '../src/specs/postman.ts';
import { isLeftOut, postmanSurfaces } from '../src/specs/postman-surfaces.ts';

const packageDir = new URL('../', import.meta.url);
const read = async (file: string) => JSON.parse(await readFile(new URL(file, packageDir), 'utf8'));
const { version } = await read('package.json');
const openApi = await read('openapi.json');
const asyncApi = await read('asyncapi.json');

describe('the committed documents', () => {
  test.each(buildPostmanCollections(version))(
    '$file is what the contracts say, and declares what it uses; else run: npm run specs',
    async ({ file, collection }) => {
      const committed = await read(`../../${file}`);
      expect(committed).toEqual(JSON.parse(JSON.stringify(collection)));
      const used = [...JSON.stringify(committed.item).matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name);
      const declared = committed.variable.map(({ key }: { key: string }) => key);
      expect(used.filter((name) => !declared.includes(name))).toEqual([]);
    },
  );

  test('each route is in a Postman collection, but for sockets, pages, and what a provider must sign', () => {
    const missing = routes.filter((route) => !postmanSurfaces.some((surface) => surface.has(route)));
    expect(missing.filter((route) => !isLeftOut(route))).toEqual([]);
    expect(routes.filter(isLeftOut).map(({ id }) => id)).toEqual([
      'calls.calls.follow',
      'auth.provider.callback',
      ...routes.map(({ id }) => id).filter((id) => id.startsWith('device.page.')),
      'admin.leaks.report',
    ]);
  });

  test('openapi.json is what the contracts say; else run: npm run specs', () => {
    expect(openApi).toEqual(JSON.parse(JSON.stringify(buildOpenApi(version))));
  });

  test('asyncapi.json is what the contracts say; else run: npm run specs', () => {
    expect(asyncApi).toEqual(JSON.parse(JSON.stringify(buildAsyncApi(version))));
  });

  test('openapi.json is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(openApi));
    expect(result).toMatchObject({ valid: true });
  });

  test('asyncapi.json is valid AsyncAPI 3.0, examples against payloads too', async () => {
    const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncApi));
    expect(diagnostics.filter((finding) => finding.severity === 0)).toEqual([]);
    expect(document?.version()).toBe('3.0.0');
  });
});

describe('what travels on a live surface', () => {
  test.each(realtimes)(
    'is in the document, each frame and message of $kind with a true example',
    (realtime) => {
      const { topicField, kind, route } = realtime;
      const examples = realtimeExamples[kind];
      const { address, messages } = asyncApi.channels[`rt_${kind}`];
      expect(address).toBe(`rt.${kind}.{${topicField}}`);
      expect(asyncApi.channels[`ws_${kind}`].address).toBe(
        route.path.replace(`:${topicField}`, `{${topicField}}`),
      );
      expect(Object.keys(messages)).toHaveLength(Object.keys(realtime.frames).length);
      for (const [type, data] of Object.entries(realtime.frames)) {
        expect(data.safeParse(examples?.frames[type])).toMatchObject({ success: true });
      }
      const { ping, ...sent } = examples?.messages ?? {};
      expect(ping).toEqual({ type: 'ping' });
      for (const message of Object.values(sent)) {
        expect(realtime.messages.safeParse(message)).toMatchObject({ success: true });
      }
      const sentTypes = Object.keys(asyncApi.channels[`ws_${kind}`].messages).filter((id) =>
        id.startsWith('ws_'),
      );
      expect(sentTypes).toHaveLength(Object.keys(sent).length + 1);
    },
  );
});

describe('the API document', () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  for (const format of ['cidrv4', 'cidrv6']) ajv.addFormat(format, true);
  ajv.addSchema(openApi, 'api');

  interface Media {
    schema: object;
    example?: unknown;
    examples?: Record<string, { value: unknown }>;
  }
  const pointerPart = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
  /** Every media type of the document; schemas and examples are not walked into. */
  const mediaOf = (node: unknown, pointer: string): [string, Media][] => {
    if (typeof node !== 'object' || node === null) return [];
    return Object.entries<Media>({ ...node }).flatMap(([key, child]): [string, Media][] => {
      if (key === 'schema' || key === 'schemas' || key === 'example' || key === 'examples') return [];
      const here = `${pointer}/${pointerPart(key)}`;
      return pointer.endsWith('/content') ? [[here, child]] : mediaOf(child, here);
    });
  };
  const media = mediaOf({ paths: openApi.paths, components: openApi.components }, '');

  test.each(media)('the examples at %s fit the schema beside them', (pointer, { example, examples }) => {
    const validate = ajv.getSchema(`api#${encodeURI(pointer)}/schema`);
    if (!validate) throw new Error(`${pointer} has no schema`);
    const values = [
      ...(example === undefined ? [] : [example]),
      ...Object.values(examples ?? {}).map(({ value }) => value),
    ];
    for (const value of values) expect([validate(value), validate.errors ?? []]).toEqual([true, []]);
  });

  test.each(routes)('$id is in it, with an example of each answer that its own schema takes', (route) => {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    expect(openApi.paths[path]?.[route.method.toLowerCase()]?.operationId).toBe(route.id);
    const example = routeExamples[route.id];
    if (route.body) expect(route.body.safeParse(example?.body)).toMatchObject({ success: true });
    for (const [status, { schema }] of Object.entries(route.responses)) {
      if (schema) expect(schema.safeParse(example?.answers[Number(status)])).toMatchObject({ success: true });
    }
  });

  test('a body is required where the route takes no request without one', () => {
    const isRequired = (path: string) => openApi.paths[path].post.requestBody.required;
    expect(isRequired('/api/v1/auth/device/code')).toBe(false);
    expect(isRequired('/api/admin/v1/partner-keys/{key_id}/rotate')).toBe(false);
    expect(isRequired('/api/admin/v1/partner-keys')).toBe(true);
    expect(isRequired('/api/v1/auth/device/token')).toBe(true);
  });

  test('limited routes tell their limits, refused or not', () => {
    // A socket tells them by its close code: an HTTP answer is not what its client sees.
    for (const route of routes.filter((each) => each.limitGroup && !each.upgrade)) {
      const operation = openApi.paths[route.path.replace(/:(\w+)/g, '{$1}')][route.method.toLowerCase()];
      for (const response of Object.values<{ $ref?: string }>(operation.responses)) {
        const name = response.$ref?.split('/').at(-1) ?? '';
        const resolved = response.$ref ? openApi.components.responses[name] : response;
        expect(Object.keys(resolved.headers)).toEqual(
          expect.arrayContaining([
            'X-RateLimit-Limit',
            'X-RateLimit-Remaining',
            'X-RateLimit-Reset',
            'RateLimit',
          ]),
        );
      }
    }
  });

  test.each(routes.filter(({ upgrade }) => upgrade))('$id switches protocols, or says how to', (route) => {
    const { responses, parameters } = openApi.paths[route.path.replace(/:(\w+)/g, '{$1}')].get;
    expect(Object.keys(responses)).toEqual(['101', '426', '503']);
    expect(parameters.map(({ name }: { name: string }) => name)).toContain('since');
  });

  test('the callback is described with the headers that sign it', () => {
    const { post } = openApi.components.pathItems.partnerCallback;
    expect(post.parameters.map((parameter: { name: string }) => parameter.name)).toEqual([
      'X-Partner-Signature',
      'X-Webhook-Attempt',
      'X-Webhook-ID',
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
    ]);
    expect(callbackSchema.safeParse(callbackExample)).toMatchObject({ success: true });
  });
});
