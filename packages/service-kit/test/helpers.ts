import { Writable } from 'node:stream';
import { createManualClock, type PartnerPrincipal } from '@switchboard/contracts';
import {
  createHttpServer,
  createIdTracing,
  createInternalTokenMinter,
  createInternalTokenVerifier,
  createLog,
  createMetrics,
  createReadiness,
  type HttpServerDeps,
} from '@switchboard/service-kit';

export const SECRET = 'a-secret-for-tests-of-at-least-32-characters';

export const principal: PartnerPrincipal = {
  kind: 'partner_key',
  key_id: '01936d5e-0000-7000-8000-000000000001',
  partner_id: '01936d5e-0000-7000-8000-000000000002',
  partner_name: 'Test Partner',
  environment: 'sandbox',
  company_id: null,
  permissions: { all: true },
};

/** What a route that takes files is made of, whatever it takes in them. */
export const uploadRoute = {
  id: 'test.uploads.create',
  summary: '',
  source: 'test',
  service: 'partner-service',
  surface: 'partner',
  errors: [],
  method: 'POST',
  path: '/api/partner/v1/uploads',
  consumes: ['application/json', 'multipart/form-data'],
} as const;

/** A log whose lines can be read. */
export const createReadableLog = (level = 'debug') => {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).split('\n').filter(Boolean)) lines.push(JSON.parse(line));
      done();
    },
  });
  return { lines, log: createLog({ service: 'test', level, destination }) };
};

export const timeouts = { requestTimeoutSeconds: 10, idleTimeoutSeconds: 10, keepAliveSeconds: 10 };

/** A server as services make it, with everything that tests look at. */
export const createTestServer = (overrides: Partial<HttpServerDeps> = {}) => {
  const { lines, log } = createReadableLog();
  const clock = createManualClock();
  const metrics = createMetrics({ service: 'test' });
  const readiness = createReadiness();
  const app = createHttpServer({
    config: timeouts,
    log,
    clock,
    metrics,
    readiness,
    tracing: createIdTracing(),
    verifyInternalToken: createInternalTokenVerifier({
      secrets: [SECRET],
      service: 'partner-service',
      clock,
    }),
    ...overrides,
  });
  const mint = createInternalTokenMinter({ secret: SECRET, clock });
  const token = () => mint(principal, 'partner-service');
  return { app, lines, log, clock, metrics, readiness, mint, token };
};
