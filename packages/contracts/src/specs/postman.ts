import { z } from 'zod';
import { routes } from '../registry.ts';
import type { RouteContract } from '../route.ts';
import { routeExamples } from './examples.ts';
import {
  bodyValues,
  formParts,
  isLeftOut,
  otherStatuses,
  ownScripts,
  type PostmanSurface,
  postmanSurfaces,
  queryValues,
  sentAs,
  variableDefaults,
  waitsUntil,
} from './postman-surfaces.ts';

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `:id` says of what it is by the path before it: two resources must not share a variable. */
const variableOf = (path: string, parameter: string): string => {
  if (parameter !== 'id') return parameter;
  const resource = /([\w-]+)\/:id\b/.exec(path)?.[1] ?? '';
  return `${resource.replace(/s$/, '').replaceAll('-', '_')}_id`;
};
const parametersOf = ({ path }: RouteContract): string[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
const variablesOf = (route: RouteContract): string[] =>
  parametersOf(route).map((name) => variableOf(route.path, name));

const successesOf = ({ responses }: RouteContract): number[] =>
  Object.keys(responses)
    .map(Number)
    .filter((status) => status < 400);

/** Where an answer may hold an id: in itself, in what it wraps, in the first of its list. */
const placesOf = (answer: unknown): [string, Fields][] => {
  if (!isFields(answer)) return [];
  const entries = Object.entries(answer);
  return [
    ['body', answer],
    ...entries.flatMap(([name, value]): [string, Fields][] => {
      if (isFields(value) && entries.length <= 2) return [[`body.${name}`, value]];
      if (!Array.isArray(value)) return [];
      const [first] = value;
      return isFields(first) ? [[`body.${name}?.[0]`, first]] : [];
    }),
  ];
};

/** Where the answer of a route holds this variable: under its name, or as the id of what the route makes or lists. */
const sourceOf = (route: RouteContract, variable: string, group: readonly RouteContract[]) => {
  if (variablesOf(route).includes(variable)) return undefined;
  const places = successesOf(route).flatMap((status) => placesOf(routeExamples[route.id]?.answers[status]));
  const named = places.find(([, fields]) => variable in fields);
  if (named) return `${named[0]}?.${variable}`;
  const isItsId = group.some((other) =>
    parametersOf(other).some(
      (name) =>
        variableOf(other.path, name) === variable &&
        (other.path === `${route.path}/:${name}` || other.path.startsWith(`${route.path}/:${name}/`)),
    ),
  );
  const withId = isItsId ? places.find(([, fields]) => 'id' in fields) : undefined;
  return withId && `${withId[0]}?.id`;
};

/** What ends things comes last, and what ends them for good after all else. */
const endings = [/\/disable$/, /\/enable$/, /\/(cancel|end|sign-out|logout)$/, /\/revoke$/];
const lateness = ({ method, path }: RouteContract): number =>
  method === 'DELETE' ? endings.length + 1 : endings.findIndex((ending) => ending.test(path)) + 1;

/** What is made is kept rather than what is found: the requests after it are about one's own. */
const keptOf = (route: RouteContract, group: readonly RouteContract[], values: readonly string[]) =>
  [...new Set([...group.flatMap(variablesOf), ...values])].flatMap((variable): [string, string][] => {
    const source = sourceOf(route, variable, group);
    if (source === undefined || lateness(route) > 0) return [];
    const isMade = group.some((other) => other.method === 'POST' && sourceOf(other, variable, group));
    return route.method === 'POST' || (route.method === 'GET' && !isMade) ? [[variable, source]] : [];
  });

const scriptOf = (route: RouteContract, kept: readonly (readonly [string, string])[]): string[] => {
  const statuses = [...successesOf(route), ...(otherStatuses[route.id]?.statuses ?? [])];
  const until = waitsUntil[route.id];
  const own = [
    ...kept.map(([variable, source]) => `keep('${variable}', ${source});`),
    ...(ownScripts[route.id] ?? []),
    ...(until === undefined
      ? []
      : [
          "const tries = pm.variables.get('tries') || 0;",
          `const isOver = ${until} || tries >= 120;`,
          "pm.variables.set('tries', isOver ? 0 : tries + 1);",
          'if (!isOver) {',
          '  pm.execution.setNextRequest(pm.info.requestName);',
          '  setTimeout(() => {}, 500);',
          '}',
        ]),
  ];
  return [
    `pm.test('answers ${statuses.join(' or ')}', () => pm.expect(pm.response.code).to.be.oneOf([${statuses.join(', ')}]));`,
    ...(own.length === 0
      ? []
      : [
          'const keep = (name, value) => value && pm.collectionVariables.set(name, value);',
          'if (pm.response.code < 300) {',
          '  const body = pm.response.json();',
          ...own.map((line) => `  ${line}`),
          '}',
        ]),
  ];
};

const bodyOf = (route: RouteContract, variables: readonly string[]): Fields | undefined => {
  const parts = formParts[route.id];
  if (parts) return { mode: 'formdata', formdata: parts };
  const example = routeExamples[route.id]?.body;
  if (!isFields(example)) return undefined;
  const filledIn = Object.fromEntries(
    Object.entries({ ...example, ...bodyValues[route.id] })
      .map(([name, value]) => [
        name,
        typeof value === 'string' && variables.includes(name) ? `{{${name}}}` : value,
      ])
      .filter(([name, value]) => value !== null || bodyValues[route.id]?.[String(name)] === undefined),
  );
  return {
    mode: 'raw',
    raw: JSON.stringify(filledIn, null, 2),
    options: { raw: { language: 'json' } },
  };
};

const authOf = (bearer: string | null): Fields =>
  bearer === null
    ? { type: 'noauth' }
    : { type: 'bearer', bearer: [{ key: 'token', value: `{{${bearer}}}`, type: 'string' }] };

const credentialOf = (route: RouteContract, { credentials }: PostmanSurface): keyof typeof sentAs => {
  const one = credentials.find((kind) => kind !== 'nobody' && route.credentials.includes(kind));
  if (one === undefined && route.credentials.length > 0) throw new Error(`nobody to send ${route.id} as`);
  return one ?? 'nobody';
};

const queryOf = (route: RouteContract): Fields[] =>
  Object.entries<z.ZodType>(route.query instanceof z.ZodObject ? route.query.shape : {}).map(
    ([key, field]) => {
      // Switched off until somebody wants them.
      if (field.safeParse(undefined).success) return { key, value: '', disabled: true };
      const value = queryValues[key];
      if (value === undefined) throw new Error(`${route.id} must have ${key}, and nothing says what to send`);
      return { key, value };
    },
  );

const itemOf = (route: RouteContract, surface: PostmanSurface, group: readonly RouteContract[]): Fields => {
  const path = route.path.replace(/:(\w+)/g, (_, name) => `{{${variableOf(route.path, name)}}}`).slice(1);
  const body = bodyOf(route, [...group.flatMap(variablesOf), ...surface.values]);
  const credential = sentAs[credentialOf(route, surface)];
  const [main = 'nobody'] = surface.credentials;
  const description = [
    route.description,
    route.permission && `Needs \`${route.permission}\`.`,
    otherStatuses[route.id]?.why,
  ];
  const query = queryOf(route);
  const sent = query.filter(({ disabled }) => !disabled).map(({ key, value }) => `${key}=${value}`);
  return {
    name: route.summary,
    ...(successesOf(route).some((status) => status >= 300 && status !== 304)
      ? { protocolProfileBehavior: { followRedirects: false } }
      : {}),
    request: {
      method: route.method,
      description: description.filter(Boolean).join('\n\n'),
      ...(credential.bearer === sentAs[main].bearer ? {} : { auth: authOf(credential.bearer) }),
      header: [
        ...Object.entries(credential.headers).map(([key, name]) => ({ key, value: `{{${name}}}` })),
        ...(body?.mode === 'raw' ? [{ key: 'Content-Type', value: 'application/json' }] : []),
        ...(route.idempotent ? [{ key: 'X-Idempotency-Key', value: '{{$guid}}' }] : []),
      ],
      ...(body ? { body } : {}),
      url: {
        raw: `{{base_url}}/${path}${sent.length > 0 ? `?${sent.join('&')}` : ''}`,
        host: ['{{base_url}}'],
        path: path.split('/'),
        query,
      },
    },
    event: [
      {
        listen: 'test',
        script: {
          type: 'text/javascript',
          exec: scriptOf(route, keptOf(route, group, surface.values)),
        },
      },
    ],
  };
};

const inOrder = (group: readonly RouteContract[], { first = [] }: PostmanSurface): RouteContract[] => [
  ...first.flatMap((id) => group.filter((route) => route.id === id)),
  ...group
    .filter(({ id }) => !first.includes(id))
    .toSorted((left, right) => lateness(left) - lateness(right)),
];

const resourceOf = ({ id }: RouteContract): string => id.split('.')[1] ?? '';
const folderName = (resource: string): string => {
  const words = resource.replaceAll('_', ' ').replace(/^api\b/, 'API');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const itemsOf = (surface: PostmanSurface): Fields[] => {
  const own = routes.filter((route) => surface.has(route) && !isLeftOut(route));
  if (!surface.hasFolders) return inOrder(own, surface).map((route) => itemOf(route, surface, own));
  return [...new Set(own.map(resourceOf))].map((resource) => {
    const group = own.filter((route) => resourceOf(route) === resource);
    return {
      name: folderName(resource),
      item: inOrder(group, surface).map((route) => itemOf(route, surface, group)),
    };
  });
};

/** Everything that is used or kept, so that whoever imports the collection sees what there is to fill in. */
const declarationsOf = (text: string, first: readonly string[]): Fields[] => {
  const used = [...text.matchAll(/\{\{(\w+)\}\}|keep\('(\w+)'/g)].map(([, one, other]) => one ?? other ?? '');
  return [...new Set([...first, ...used])].map((key) => ({ key, value: variableDefaults[key] ?? '' }));
};

const collectionOf = (surface: PostmanSurface, version: string): Fields => {
  const item = itemsOf(surface);
  const [main = 'nobody'] = surface.credentials;
  const credentials = surface.credentials.flatMap((kind) => [
    ...(sentAs[kind].bearer === null ? [] : [sentAs[kind].bearer]),
    ...Object.values(sentAs[kind].headers),
  ]);
  return {
    info: { name: surface.name, description: surface.description, version, schema: SCHEMA },
    auth: authOf(sentAs[main].bearer),
    variable: declarationsOf(JSON.stringify(item), ['base_url', ...credentials]),
    item,
  };
};

/**
 * A Postman collection of each surface, to be sent from top to bottom: what answers bring is kept for later requests, and each
 * request tests that it succeeded. The partner guide names where its one is.
 */
export const buildPostmanCollections = (version: string): { file: string; collection: Fields }[] =>
  postmanSurfaces.map((surface) => ({ file: surface.file, collection: collectionOf(surface, version) }));
