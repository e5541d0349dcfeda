import type { CredentialKind } from '@switchboard/contracts';
import { type AnonOptions, createAnonCredential } from './anon.ts';
import { type ApiKeyOptions, createApiKeyCredential } from './api-key.ts';
import type { Credential } from './credential.ts';
import { createIntegrationTokenCredential, type IntegrationTokenOptions } from './integration-token.ts';
import type { LookupOptions } from './lookup.ts';
import { createPartnerKeyCredential } from './partner-key.ts';
import { createProviderCredential, type ProviderOptions } from './provider.ts';
import { createTicketCredential } from './ticket.ts';
import { createUserCredential, type UserOptions } from './user.ts';

export type CredentialOptions = LookupOptions &
  AnonOptions &
  ApiKeyOptions &
  IntegrationTokenOptions &
  ProviderOptions &
  UserOptions;
export type Credentials = Readonly<Record<CredentialKind, Credential>>;

/** Every kind of credential the gateway knows. A new kind is one file beside this one and one line here. */
export const createCredentials = (options: CredentialOptions): Credentials => ({
  user: createUserCredential(options),
  anon: createAnonCredential(options),
  api_key: createApiKeyCredential(options),
  integration_token: createIntegrationTokenCredential(options),
  partner_key: createPartnerKeyCredential(options),
  ticket: createTicketCredential(options),
  provider: createProviderCredential(options),
});
