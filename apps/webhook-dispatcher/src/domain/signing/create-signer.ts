import { deriveWebhookSecret } from '@switchboard/contracts';
import type { SecretBox } from '@switchboard/service-kit';
import type { LeasedDelivery } from '../deliveries/types.ts';
import { createOpener } from './open-sealed.ts';
import { openSigning } from './open-signing.ts';
import { signPartner } from './sign-partner.ts';
import { signStandard } from './sign-standard.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface SignerOptions {
  /** The setting that partners' secrets are derived from. */
  readonly webhookSecret: string;
  /** Opens secrets and headers of endpoints. */
  readonly box: SecretBox;
  readonly signingKeys: Pick<SigningKeys, 'live'>;
}

/** One attempt, as far as it is signed. */
export interface AttemptToSign {
  /** The exact bytes that are sent. */
  readonly body: Buffer;
  readonly attemptedAt: Date;
  readonly traceparent: string;
}

type Signed = Pick<LeasedDelivery, 'messageId' | 'signing' | 'attemptNumber'>;

/** Gives the headers of an attempt. Throws `UnreadableError` when a secret or header cannot be decrypted. */
export type Sign = (delivery: Signed, attempt: AttemptToSign) => Promise<Record<string, string>>;

export const createSigner = ({ webhookSecret, box, signingKeys }: SignerOptions): Sign => {
  const open = createOpener(box);
  return async ({ messageId, signing, attemptNumber }, attempt) => {
    if (signing.profile === 'partner') {
      const { key_id: keyId, version } = signing.secret;
      const secret = deriveWebhookSecret(webhookSecret, { keyId, version });
      return signPartner({ ...attempt, messageId, secret, attemptNumber });
    }
    const { secrets, headers } = openSigning(open, signing);
    const keys = await signingKeys.live();
    const privateKeys = keys.flatMap(({ privateKey }) => privateKey ?? []);
    return signStandard({ ...attempt, messageId, sequence: signing.sequence, secrets, headers, privateKeys });
  };
};
