import type { CredentialKind } from '@switchboard/contracts';
import type { Credential } from './credential.ts';
import { createPartnerKeyCredential, type PartnerKeyOptions } from './partner-key.ts';

export type CredentialOptions = PartnerKeyOptions;
export type Credentials = Readonly<Partial<Record<CredentialKind, Credential>>>;

/** Every kind of credential the gateway knows. A new kind is one file beside this one and one line here. */
export const createCredentials = (options: CredentialOptions): Credentials => ({
  partner_key: createPartnerKeyCredential(options),
});
