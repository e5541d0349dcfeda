import {
  identityAdminRoutes,
  identityEvents,
  type rotateSigningKeyBody,
  signingKeyAnswer,
} from '@switchboard/contracts';
import type { IdempotentAnswer } from '@switchboard/db';
import { adminActOf } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { rotateSigningKey } from '../signing-keys/rotate-signing-key.ts';
import { listSigningKeys, type SigningKeyRecord } from '../signing-keys/signing-key-repository.ts';
import { type RepeatableContext, runAdminOnce } from './run-admin-once.ts';

/** A signing key as administrators see it: never its private half. */
export const signingKey = (key: SigningKeyRecord): z.input<typeof signingKeyAnswer> => ({
  kid: key.kid,
  created_at: key.createdAt.toISOString(),
  signs_from: key.signsFrom.toISOString(),
  signs_until: key.signsUntil?.toISOString() ?? null,
  published_until: key.publishedUntil?.toISOString() ?? null,
});

/** Lets a new key sign, and writes down who wanted it. */
export const rotateSigningKeyAsAdmin = async (
  deps: Deps,
  admin: RepeatableContext,
  input: z.output<typeof rotateSigningKeyBody>,
): Promise<IdempotentAnswer<z.output<typeof signingKeyAnswer>>> => {
  const answer = await runAdminOnce(
    deps,
    admin,
    { route: identityAdminRoutes.rotateSigningKey, request: input, status: 201, answer: signingKeyAnswer },
    async (tools) => {
      const before = await listSigningKeys(tools.trx);
      const { kid, revoked } = await rotateSigningKey(tools, deps, {
        // Without the old ones somebody has to sign.
        immediately: input.immediately || input.revoke_old,
        revokeOld: input.revoke_old,
      });
      const key = (await listSigningKeys(tools.trx)).find((each) => each.kid === kid);
      if (!key) throw new Error('a signing key vanished while it was made');
      tools.emit(
        identityEvents.adminActed,
        adminActOf(admin, {
          action: 'signing_key.rotate',
          target: { type: 'signing_key', id: kid, name: null },
          before: { kids: before.map((each) => each.kid) },
          after: { kid, signs_from: key.signsFrom.toISOString(), revoked },
        }),
      );
      return signingKey(key);
    },
  );
  deps.keyRing.forget();
  return answer;
};
