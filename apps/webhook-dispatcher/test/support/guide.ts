import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runInThisContext } from 'node:vm';

type VerifyWebhook = (payload: unknown, signature: string, secret: string) => boolean;

/** The partner guide's `verifyWebhook`, as it stands there. */
export const guideVerifyWebhook: VerifyWebhook = runInThisContext(
  `(require) => { ${readFileSync(new URL('../fixtures/partner-guide-verify.txt', import.meta.url), 'utf8')}
  return verifyWebhook; }`,
)(createRequire(import.meta.url));
