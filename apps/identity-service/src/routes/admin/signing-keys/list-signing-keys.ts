import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { signingKey } from '../../../domain/administration/rotate-signing-key.ts';
import { listSigningKeys } from '../../../domain/signing-keys/signing-key-repository.ts';

export const getSigningKeys = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.listSigningKeys, async () => {
    const keys = await listSigningKeys(data.db);
    return { status: 200, body: { signing_keys: keys.map(signingKey), next_cursor: null } };
  });
