import { createUuidV7Ids, type Environment } from '@switchboard/contracts';
import { createSecretBox } from '@switchboard/service-kit';
import { partnerScheduleSeconds } from '../../src/domain/deliveries/schedule.ts';
import type { LeasedDelivery } from '../../src/domain/deliveries/types.ts';
import { createSigner } from '../../src/domain/signing/create-signer.ts';

export const WEBHOOK_SECRET = 'a-webhook-secret-for-tests-of-enough-length';
export const ENCRYPTION_KEY = 'an-encryption-key-for-tests-of-enough-length';
export const INTERNAL_TOKEN_SECRET = 'an-internal-token-secret-for-tests-0123456789';
/** What the process itself needs of secrets. */
export const secrets = { WEBHOOK_SECRET, WEBHOOK_ENCRYPTION_KEY: ENCRYPTION_KEY, INTERNAL_TOKEN_SECRET };
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
  eventType: 'partner.job.finished',
  owner: `partner_key:${KEY_ID}`,
  lane: `partner_key:${KEY_ID}/host`,
  url,
  host: URL.canParse(url) ? new URL(url).host : '',
  environment: 'sandbox' satisfies Environment,
  signing: { profile: 'partner', secret: { kind: 'partner', key_id: KEY_ID, version: 1 } },
  schedule: partnerScheduleSeconds,
  replayId: null,
  attemptNumber: 1,
  step: 0,
  earlierAttempts: 0,
  createdAt: new Date(),
  ...changes,
});

/** A fault of ours fails the test. */
export const onUnexpected = (error: unknown): never => {
  throw error;
};

/** Signs callbacks; the platform has no keys of its own. */
export const testSign = createSigner({
  webhookSecret: WEBHOOK_SECRET,
  box: createSecretBox([ENCRYPTION_KEY], 'webhook endpoints'),
  signingKeys: { live: async () => [] },
});
