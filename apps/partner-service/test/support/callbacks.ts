import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { transact } from '@switchboard/db';
import { startService, type TestService, testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { failJob } from '../../src/domain/jobs/finish-job.ts';
import { type MadeKey, type TestPartner, WEBHOOK_SECRET } from './partner.ts';
import { makeWav } from './recordings.ts';

export interface ReceivedCallback {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface AttemptRow {
  readonly delivery_id: string;
  readonly attempt_number: number;
  readonly success: boolean;
}

export interface Callbacks {
  readonly dispatcher: TestService;
  readonly received: ReceivedCallback[];
  /** How the receiver answers from now on. */
  answer(how: (response: ServerResponse, callback: ReceivedCallback) => void): void;
  /** A job that failed, whose callback was answered 500 and given up. */
  giveUpOne(
    key: MadeKey,
    ids: { companyId: string; agentId: string },
  ): Promise<{
    readonly jobId: string;
    readonly deliveryId: string;
  }>;
  attemptsOf(jobId: string): Promise<readonly AttemptRow[]>;
  close(): Promise<void>;
}

const refuse = (response: ServerResponse): void => {
  response.writeHead(500).end();
};

/** A real dispatcher that gives up after one attempt, and a partner's receiver. The partner service needs consumers. */
export const startCallbacks = async (partner: TestPartner): Promise<Callbacks> => {
  const received: ReceivedCallback[] = [];
  let respond: (response: ServerResponse, callback: ReceivedCallback) => void = refuse;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const callback = { headers: request.headers, body };
      received.push(callback);
      respond(response, callback);
    });
  });
  // The dispatcher may send again on the connection of before, and that must not end at this very moment.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const dispatcher = await startService('webhook-dispatcher', {
    DATABASE_URL: partner.urls.webhooks,
    NATS_URL: testNatsUrl(),
    WEBHOOK_SECRET,
    WEBHOOK_ENCRYPTION_KEY: 'an-encryption-key-for-tests-of-enough-length',
    INTERNAL_TOKEN_SECRET: 'an-internal-token-secret-for-tests-0123456789',
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
    WEBHOOK_PARTNER_SCHEDULE_SECONDS: '0',
    DRAIN_SECONDS: '0',
  });
  await dispatcher.waitReady();

  const attemptsOf = (jobId: string) =>
    partner.rows<AttemptRow>(
      'SELECT delivery_id, attempt_number, success FROM partner.webhook_logs WHERE async_job_id = $1 ORDER BY attempt_number',
      [jobId],
    );

  return {
    dispatcher,
    received,
    answer(how) {
      respond = how;
    },
    attemptsOf,
    async giveUpOne(key, { companyId, agentId }) {
      respond = refuse;
      const job = await partner.call(key, 'POST', '/calls/analyze', {
        body: {
          audio_file: makeWav().toString('base64'),
          company_id: companyId,
          agent_id: agentId,
          call_type: 'support',
          webhook_url: `http://127.0.0.1:${port}/callback`,
        },
      });
      const jobId = String(job.body.job_id);
      const failure = { jobId, errorMessage: 'nobody spoke', errorDetails: { code: 'EMPTY_AUDIO' } };
      await transact(partner.data, (work) => failJob(partner.data, work, failure));
      await waitFor(async () => (await attemptsOf(jobId)).length === 1, {
        what: 'the callback to be given up',
      });
      const [attempt] = await attemptsOf(jobId);
      return { jobId, deliveryId: attempt?.delivery_id ?? '' };
    },
    async close() {
      await dispatcher.stop();
      server.closeAllConnections();
      server.close();
    },
  };
};
