import { webhookEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import type { SigningKeyRecord } from './signing-key-repository.ts';
import { replaceSigningKey } from './signing-keys.ts';

/** Signs with a new ed25519 key, in this process from the next attempt on and in the others soon after; the old one signs on until the overlap ends. */
export const rotateSigningKey = async (
  { data, box, signingKeys }: Pick<Deps, 'data' | 'box' | 'signingKeys'>,
  ctx: AdminContext,
  { overlapSeconds }: { readonly overlapSeconds: number },
): Promise<SigningKeyRecord> => {
  const key = await transact(data, async ({ trx, emit }) => {
    const [current, previous] = await replaceSigningKey(trx, data, box, { overlapSeconds });
    if (!current) throw new Error('a signing key that was just made is gone');
    const after = { old_key_expires_at: previous?.expiresAt?.toISOString() ?? null };
    emit(
      webhookEvents.adminActed,
      adminActOf(ctx, {
        action: 'webhook_signing_key.rotate',
        target: { type: 'webhook_signing_key', id: current.id, name: null },
        before: null,
        after,
      }),
    );
    return current;
  });
  signingKeys.forget();
  return key;
};
