import { createAnswerBox } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postKey } from './create-key.ts';
import { getKey } from './get-key.ts';
import { getKeyUsage } from './get-key-usage.ts';
import { getPartnerCompanies } from './list-companies.ts';
import { getKeyRequests } from './list-key-requests.ts';
import { getKeyWebhooks } from './list-key-webhooks.ts';
import { getKeys } from './list-keys.ts';
import { postFailedWebhooksRetry } from './retry-failed-webhooks.ts';
import { postWebhookRetry } from './retry-webhook.ts';
import { postRevocation } from './revoke-key.ts';
import { postRotation } from './rotate-key.ts';
import { patchKey } from './update-key.ts';

/** `/api/admin/v1/partner-keys*` and `/api/admin/v1/partner-companies`. */
export const adminRoutes = (app: FastifyInstance, deps: Deps): void => {
  const { webhookSecret } = deps.config.partner;
  const maker = { data: deps.data, webhookSecret, answers: createAnswerBox([webhookSecret]) };
  getKeys(app, deps);
  postKey(app, maker);
  getKey(app, deps);
  patchKey(app, deps);
  postRotation(app, maker);
  postRevocation(app, deps);
  getKeyUsage(app, deps);
  getKeyRequests(app, deps);
  getKeyWebhooks(app, deps);
  postWebhookRetry(app, deps);
  postFailedWebhooksRetry(app, deps);
  getPartnerCompanies(app, deps);
};
