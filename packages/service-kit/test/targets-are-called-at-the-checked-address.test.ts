import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  createTargetAgent,
  type FetchTargetOptions,
  fetchTarget,
  type TargetPolicy,
} from '@switchboard/service-kit';
import { afterEach, describe, expect, test } from 'vitest';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const listen = async (
  server: Server & { closeAllConnections?: () => void },
  host = '127.0.0.1',
): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closers.push(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const startTarget = async (listener: RequestListener, host?: string) => {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  return { port: await listen(server, host), requests };
};

// Loopback plays the public internet here: allowPrivate opens it, and 169.254/16 plays what must stay shut.
const policy: TargetPolicy = { requireHttps: false, allowPrivate: true, resolve: async () => ['127.0.0.1'] };
const options: FetchTargetOptions = { policy, timeoutMs: 30_000, bytesMax: 1000 };
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: Error & { reason?: string }) => `${error.name}: ${error.reason}`,
  );

test('the connection goes to the address, the name stays in the Host header', async () => {
  const { port, requests } = await startTarget((_request, response) => response.end('hello'));
  const answer = await fetchTarget(`http://partner.example:${port}/a?b=c`, options);
  expect([answer.status, answer.body.toString(), answer.cut]).toEqual([200, 'hello', false]);
  expect(requests[0]?.headers.host).toBe(`partner.example:${port}`);
  expect(requests[0]?.url).toBe('/a?b=c');
  expect(requests[0]?.headers['accept-encoding']).toBe('identity');
});

test('a path that looks like another host is a path', async () => {
  const { port, requests } = await startTarget((_request, response) => response.end('hello'));
  for (const path of ['//hook', '//169.254.169.254/latest', '//partner.example:22/']) {
    expect((await fetchTarget(`http://partner.example:${port}${path}`, options)).status).toBe(200);
    expect(requests.at(-1)?.url).toBe(path);
  }
  const agent = createTargetAgent({ ...policy, allowPrivate: false });
  closers.push(() => agent.destroy());
  const sent = agent.request({ origin: `http://127.0.0.1:${port}`, path: '//93.184.215.14/', method: 'GET' });
  expect(await failure(sent)).toBe('TargetRefusedError: loopback');
  expect(requests).toHaveLength(3);
});

test('a name that changes its mind is asked once per connection, and cannot lead elsewhere', async () => {
  const { port, requests } = await startTarget((_request, response) => response.end('ok'));
  let asked = 0;
  const rebinding: TargetPolicy = {
    ...policy,
    resolve: async () => {
      asked += 1;
      return asked === 1 ? ['127.0.0.1'] : ['169.254.169.254'];
    },
  };
  const url = `http://rebind.example:${port}/`;
  expect((await fetchTarget(url, { ...options, policy: rebinding })).status).toBe(200);
  expect(asked).toBe(1);
  expect(await failure(fetchTarget(url, { ...options, policy: rebinding }))).toBe(
    'TargetRefusedError: metadata',
  );
  expect([asked, requests.length]).toEqual([2, 1]);
});

test('one bad address among good ones refuses the target; nothing is sent', async () => {
  const { port, requests } = await startTarget((_request, response) => response.end());
  const mixed = { ...policy, resolve: async () => ['127.0.0.1', '169.254.1.1'] };
  expect(await failure(fetchTarget(`http://mixed.example:${port}/`, { ...options, policy: mixed }))).toBe(
    'TargetRefusedError: link-local',
  );
  expect(requests).toHaveLength(0);
});

test('the next address is tried when the first does not answer', async () => {
  const { port } = await startTarget((_request, response) => response.end('second'));
  const two = { ...policy, resolve: async () => ['127.0.0.2', '127.0.0.1'] };
  expect(
    (await fetchTarget(`http://two.example:${port}/`, { ...options, policy: two })).body.toString(),
  ).toBe('second');
});

describe('redirects', () => {
  const redirecting = (location: string) =>
    startTarget((request, response) => {
      if (request.url === '/end') response.end('end');
      else response.writeHead(302, { location }).end();
    });

  test.each([
    ['http://169.254.169.254/latest/meta-data/', 'TargetRefusedError: metadata'],
    ['http://2852039166/', 'TargetRefusedError: metadata'],
    ['http://[::ffff:169.254.169.254]/', 'TargetRefusedError: metadata'],
    ['file:///etc/passwd', 'TargetRefusedError: syntax'],
    ['http://127.0.0.1:22/', 'TargetRefusedError: port'],
    ['http://u:p@partner.example/', 'TargetRefusedError: credentials'],
    ['/again', 'TargetFailedError: too many redirects'],
  ])('to %s end as %s', async (location, expected) => {
    const { port } = await redirecting(location);
    expect(await failure(fetchTarget(`http://a.example:${port}/`, { ...options, redirectsMax: 3 }))).toBe(
      expected,
    );
  });

  test('to a name that resolves to a shut address are refused', async () => {
    const { port } = await redirecting('http://inside.example/');
    const resolve = async (name: string) => [name === 'inside.example' ? '169.254.1.1' : '127.0.0.1'];
    const call = fetchTarget(`http://a.example:${port}/`, {
      ...options,
      policy: { ...policy, resolve },
      redirectsMax: 3,
    });
    expect(await failure(call)).toBe('TargetRefusedError: link-local');
  });

  test('are followed where they may be, and other places do not see the authorization', async () => {
    const end = await startTarget((_request, response) => response.end('end'));
    const { port, requests } = await redirecting(`http://b.example:${end.port}/x`);
    const headers = { authorization: 'Bearer x', 'x-keep': '1' };
    const answer = await fetchTarget(`http://a.example:${port}/`, { ...options, headers, redirectsMax: 1 });
    expect([answer.body.toString(), answer.url]).toEqual(['end', `http://b.example:${end.port}/x`]);
    expect(requests[0]?.headers.authorization).toBe('Bearer x');
    expect(end.requests[0]?.headers.authorization).toBeUndefined();
    expect(end.requests[0]?.headers['x-keep']).toBe('1');
  });

  test('of a callback are an answer like any other', async () => {
    const { port, requests } = await redirecting('/end');
    const answer = await fetchTarget(`http://a.example:${port}/`, {
      ...options,
      method: 'POST',
      body: '{}',
      redirectsMax: 3,
    });
    expect([answer.status, requests.length]).toEqual([302, 1]);
  });
});

describe('answers are bounded', () => {
  test.each([
    ['with its length declared', { 'content-length': '2000' }],
    ['without', {}],
  ])('a body that is too large, %s', async (_name, headers) => {
    const { port } = await startTarget((_request, response) =>
      response.writeHead(200, headers).end('x'.repeat(2000)),
    );
    expect(await failure(fetchTarget(`http://a.example:${port}/`, options))).toBe(
      'TargetFailedError: too large',
    );
    const cut = await fetchTarget(`http://a.example:${port}/`, { ...options, overlong: 'cut' });
    expect([cut.body.length, cut.cut]).toEqual([1000, true]);
  });

  test('a body without end is given up', async () => {
    const { port } = await startTarget((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1000)));
      };
      response.on('drain', write);
      write();
    });
    expect(await failure(fetchTarget(`http://a.example:${port}/`, options))).toBe(
      'TargetFailedError: too large',
    );
  });

  test('a compressed bomb is not inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { port } = await startTarget((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    expect(await failure(fetchTarget(`http://a.example:${port}/`, { ...options, bytesMax: 1e6 }))).toBe(
      'TargetFailedError: encoded',
    );
  });

  test.each([
    ['never answers', () => {}],
    [
      'stops in the middle',
      (_request: IncomingMessage, response: { write(text: string): void }) => response.write('x'),
    ],
  ])('a target that %s costs the timeout and no more', async (_name, listener) => {
    const { port } = await startTarget(listener as RequestListener);
    expect(await failure(fetchTarget(`http://a.example:${port}/`, { ...options, timeoutMs: 100 }))).toBe(
      'TargetFailedError: timeout',
    );
  });

  test('a resolver that hangs costs the timeout too', async () => {
    const hanging = { ...policy, resolve: () => new Promise<never>(() => {}) };
    expect(
      await failure(fetchTarget('http://a.example:8080/', { ...options, policy: hanging, timeoutMs: 100 })),
    ).toBe('TargetFailedError: timeout');
  });

  test('a shutdown ends a call early', async () => {
    const { port } = await startTarget(() => abort.abort());
    const abort = new AbortController();
    expect(
      await failure(fetchTarget(`http://a.example:${port}/`, { ...options, signal: abort.signal })),
    ).toBe('TargetFailedError: cancelled');
  });

  test('nobody there is a failed connection', async () => {
    const { port } = await startTarget(() => {}, '127.0.0.3');
    expect(await failure(fetchTarget(`http://a.example:${port}/`, options))).toBe(
      'TargetFailedError: connection',
    );
  });
});

test('TLS asks for the name, not for the address', async () => {
  const hellos: string[] = [];
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (hello) => {
      hellos.push(hello.toString('latin1'));
      socket.destroy();
    });
  });
  const port = await listen(server);
  expect(await failure(fetchTarget(`https://tls.example:${port}/`, options))).toBe(
    'TargetFailedError: connection',
  );
  expect(hellos[0]).toContain('tls.example');
});

describe('through an egress proxy', () => {
  const startProxy = async () => {
    const asked: string[] = [];
    const server = createServer();
    server.on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      const port = Number(request.url?.split(':')[1]);
      const upstream = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      for (const side of [upstream, socket]) side.on('error', () => {});
    });
    return { asked, proxyUrl: `http://127.0.0.1:${await listen(server)}` };
  };

  test('the proxy connects, by name; addresses that are written out are checked all the same', async () => {
    const { port } = await startTarget((_request, response) => response.end('proxied'));
    const { asked, proxyUrl } = await startProxy();
    const proxied: TargetPolicy = { requireHttps: false, allowPrivate: false, proxyUrl };
    const agent = createTargetAgent(proxied);
    closers.push(() => agent.destroy());
    const call = (url: string) => fetchTarget(url, { ...options, policy: proxied, agent });
    expect((await call(`http://partner.example:${port}/`)).body.toString()).toBe('proxied');
    expect(asked).toEqual([`partner.example:${port}`]);
    expect(await failure(call(`http://127.0.0.1:${port}/`))).toBe('TargetRefusedError: loopback');
    expect(asked).toHaveLength(1);
  });
});

test('the agent checks what is sent through it by others too', async () => {
  const agent = createTargetAgent({ ...policy, allowPrivate: false });
  closers.push(() => agent.destroy());
  const call = agent.request({ origin: 'http://127.0.0.1:8080', path: '/', method: 'GET' });
  expect(await failure(call)).toBe('TargetRefusedError: loopback');
});
