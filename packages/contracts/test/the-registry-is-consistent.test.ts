import { describe, expect, test } from 'vitest';
import {
  deadStream,
  EVENT_BYTES_MAX,
  eventDomain,
  events,
  eventType,
  type LimitWindow,
  limitGroups,
  routes,
  rpcs,
  serviceNames,
  services,
  streams,
  surfaceOf,
  surfaces,
} from '../src/index.ts';

const repeated = (values: readonly string[]) =>
  values.filter((value, index) => values.indexOf(value) !== index);

describe('routes', () => {
  test('every id is there once', () => expect(repeated(routes.map((route) => route.id))).toEqual([]));

  test('every method and path is there once, whatever its parameters are called', () => {
    expect(repeated(routes.map((route) => `${route.method} ${route.path.replace(/:\w+/g, ':')}`))).toEqual(
      [],
    );
  });

  test.each(routes)('$id lies on its own surface and names things that exist', (route) => {
    expect(surfaceOf(route.path)).toBe(surfaces[route.surface]);
    expect([...serviceNames, 'gateway']).toContain(route.service);
    if (route.limitGroup) expect(limitGroups).toHaveProperty(route.limitGroup);
    const isSwitched = route.upgrade === 'websocket';
    expect(Object.keys(route.responses).every((status) => Number(status) >= (isSwitched ? 101 : 200))).toBe(
      true,
    );
  });

  test.each(routes)('$id has a limit for every credential that it takes', (route) => {
    const carriers = ['api_key', 'partner_key', 'integration_token'];
    const windows: readonly LimitWindow[] = route.limitGroup ? limitGroups[route.limitGroup].windows : [];
    for (const { limit, otherwise } of windows) {
      if (limit === null && otherwise === undefined)
        expect(carriers).toEqual(expect.arrayContaining([...route.credentials]));
    }
  });

  test.each(routes)('$id declares the parameters of its path', (route) => {
    const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    const declared =
      route.params && 'shape' in route.params ? Object.keys(Object(route.params.shape)) : ([] as string[]);
    expect(declared.toSorted()).toEqual(inPath.toSorted());
  });
});

describe('surfaces', () => {
  test.each([
    ['/api/partner/v1/jobs/1/status', 'partner'],
    ['/api/partner/v1', 'partner'],
    ['/api/partner/v10', 'platform'],
    ['/api/v1/calls/1', 'calls'],
    ['/api/v1/call-logs', 'calls'],
    ['/api/v1/callsign', 'studio'],
    ['/functions/v1/integration-tickets', 'tickets'],
    ['/functions/v1/other', 'functions'],
    ['/auth/v1/token', 'auth'],
    ['/api/admin/v1/partner-keys', 'platform'],
    ['/', 'platform'],
    ['/nothing', 'platform'],
  ])('%s belongs to the longest prefix: %s', (path, name) => {
    expect(surfaceOf(path).name).toBe(name);
  });
});

describe('events', () => {
  test('every type and every subject is there once', () => {
    expect(repeated(events.map(eventType))).toEqual([]);
    expect(repeated(rpcs.map((rpc) => rpc.subject))).toEqual([]);
  });

  test.each(events)('$name has an example that its own schema takes', (event) => {
    expect(event.data.safeParse(event.example)).toMatchObject({ success: true });
    expect(Buffer.byteLength(JSON.stringify(event.example))).toBeLessThan(EVENT_BYTES_MAX);
  });

  test.each(events)('$name is kept by exactly one stream', (event) => {
    expect(event.name).toMatch(/^[a-z]+\.[a-z_]+\.[a-z_]+$/);
    const keeps = (subject: string) => event.name.startsWith(subject.slice(0, -1));
    expect(streams.filter(({ subjects }) => subjects.some(keeps))).toHaveLength(1);
    expect(
      streams.find(({ name }) => name === eventDomain(event.name).toUpperCase())?.subjects.some(keeps),
    ).toBe(true);
  });

  test('dead messages have a stream of their own', () => {
    expect(streams).toContain(deadStream);
    expect(repeated(streams.flatMap((stream) => stream.subjects))).toEqual([]);
  });

  test.each(rpcs)('$subject is kept by no stream: it would answer before its owner does', ({ subject }) => {
    const keeps = (kept: string) => `${subject}.id`.startsWith(kept.slice(0, -1));
    expect(streams.filter(({ subjects }) => subjects.some(keeps))).toEqual([]);
  });

  test.each(rpcs)('$subject is owned by a service', (rpc) => expect(services).toHaveProperty(rpc.owner));
});
