import { createServer, type Server, type ServerResponse } from 'node:http';
import { createSilentLog } from '@switchboard/service-kit';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, expect, test } from 'vitest';
import { loadGatewayConfig } from '../src/index.ts';
import { createUpstream, type Upstream } from '../src/proxy/upstream.ts';

let server: Server | undefined;
let upstream: Upstream | undefined;

afterEach(async () => {
  await upstream?.close();
  server?.closeAllConnections();
  server?.close();
});

/** A service whose probes a test answers as it likes. */
const startProbed = async (onProbe: (res: ServerResponse) => void): Promise<Upstream> => {
  const started = createServer((_req, res) => onProbe(res));
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const address = started.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return createUpstream({
    service: 'ai-service',
    url: `http://127.0.0.1:${port}`,
    connectionsMax: 4,
    waitingMax: 10,
    log: createSilentLog(),
  });
};

const answer = (res: ServerResponse) => res.end('{"status":"ready"}');

test('one probe without an answer takes a service out for nobody; three in a row do', async () => {
  let probes = 0;
  let silent = 0;
  let left = 1;
  upstream = await startProbed((res) => {
    probes += 1;
    if (probes > 1 && left > 0) {
      left -= 1;
      silent += 1;
      return;
    }
    answer(res);
  });
  const states = new Set<string>();
  await waitFor(
    () => {
      states.add(upstream?.health ?? '');
      return silent === 1 && probes >= 4;
    },
    { what: 'probes after the silent one' },
  );
  expect(states).not.toContain('degraded');
  expect(upstream.health).toBe('ok');

  left = 100;
  await waitFor(() => upstream?.takesRequests === false, { what: 'the service to count as away' });
  expect(silent).toBeGreaterThanOrEqual(4);
  left = 0;
  await waitFor(() => upstream?.takesRequests === true, { what: 'the service to be back' });
});

test('a connection that broke under one request holds up nobody else; a refused one does', async () => {
  upstream = await startProbed(answer);
  await waitFor(() => upstream?.health === 'ok', { what: 'the first probe' });
  upstream.noteFailure('broken');
  expect(upstream.takesRequests).toBe(true);
  upstream.noteFailure('not-sent');
  expect(upstream.takesRequests).toBe(false);
  await waitFor(() => upstream?.takesRequests === true, { what: 'the next probe' });
});

test.each(['not an origin', 'https://a.example/path', 'a.example', '*.example.com'])(
  'CORS_ORIGINS=%s is a fault said at boot',
  (origins) => {
    const env = {
      NATS_URL: 'nats://127.0.0.1:4222',
      INTERNAL_TOKEN_SECRET: 'an-internal-token-secret-for-tests-only',
      CORS_ORIGINS: origins,
    };
    expect(() => loadGatewayConfig(env)).toThrow(/CORS_ORIGINS/);
  },
);
