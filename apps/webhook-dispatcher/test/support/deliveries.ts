import { createUuidV7Ids, type Environment } from '@switchboard/contracts';
import type { LeasedDelivery } from '../../src/domain/deliveries/types.ts';

export const WEBHOOK_SECRET = 'a-webhook-secret-for-tests-of-enough-length';
export const KEY_ID = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
export const ids = createUuidV7Ids();

/** What JSON.stringify prints of a payload that trips careless verifiers. */
export const awkwardBody = JSON.stringify({
  job_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b',
  status: 'completed',
  results: {
    transcript: 'שלום, מדבר דני 🎧 "quoted" \u2028',
    tone_analysis: {},
    content_analysis: [],
    overall_score: 8.5,
  },
  numbers: [0.1, 1e21, 5e-7, -0.5, 12345678901],
  nothing: null,
});

export const makeDelivery = (url: string, changes: Partial<LeasedDelivery> = {}): LeasedDelivery => ({
  id: ids.next(),
  messageId: ids.next(),
  body: awkwardBody,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  profile: 'partner',
  url,
  host: URL.canParse(url) ? new URL(url).host : '',
  environment: 'sandbox' satisfies Environment,
  secret: { kind: 'partner', key_id: KEY_ID, version: 1 },
  attemptNumber: 1,
  step: 0,
  createdAt: new Date(),
  ...changes,
});

/** A fault of ours fails the test. */
export const onUnexpected = (error: unknown): never => {
  throw error;
};
