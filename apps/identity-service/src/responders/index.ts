import type { Bus, Responder } from '@switchboard/bus';
import { AppError, identityEvents, identityRpcs } from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import type { Deps } from '../deps.ts';
import { createApiKeyVerifier } from '../domain/api-keys/verify-api-key.ts';
import { checkSession } from '../domain/sessions/check-session.ts';
import { ACCESS_TOKEN_AUDIENCE, issuerOf } from '../domain/tokens/access-token.ts';
import { describeUser } from '../domain/users/describe-user.ts';

/** Whoever asks learns that another try may help, where it may. */
const answering = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await work();
  } catch (error) {
    if (isTransientDatabaseError(error)) throw new AppError('SERVICE_UNAVAILABLE', { cause: error });
    throw error;
  }
};

/** Answers what the gateway and other services ask over NATS, and hears of keys that other replicas changed. */
export const startResponders = (
  bus: Pick<Bus, 'respond' | 'subscribe'>,
  deps: Deps,
): readonly Responder[] => {
  const { config, data, keyRing } = deps;
  const verifyApiKey = createApiKeyVerifier(data);
  const keyChanges = bus.subscribe(identityEvents.signingKeyChanged, () => keyRing.forget());
  return [
    bus.respond(identityRpcs.signingKeys, () =>
      answering(async () => ({
        issuer: issuerOf(config),
        audience: ACCESS_TOKEN_AUDIENCE,
        keys: await keyRing.published(data.db),
      })),
    ),
    bus.respond(identityRpcs.checkSession, (question) => answering(() => checkSession(data, question))),
    bus.respond(identityRpcs.verifyApiKey, (question) => answering(() => verifyApiKey(question))),
    bus.respond(identityRpcs.findUser, ({ user_id }) =>
      answering(async () => ({ user: await describeUser(data.db, user_id) })),
    ),
    { stop: async () => keyChanges.stop() },
  ];
};
