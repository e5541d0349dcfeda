import type { Bus, Log, Responder } from '@switchboard/bus';
import { AppError, type Clock, partnerRpcs } from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import { findRecording, readRecordingChunk } from '../domain/audio/audio-repository.ts';
import type { Executor } from '../domain/database.ts';
import { touchOldSecret } from '../domain/keys/key-repository.ts';
import { verifyKey } from '../domain/keys/verify-key.ts';

export interface ResponderDeps {
  readonly db: Executor;
  readonly clock: Clock;
  /** PARTNER_API_ENABLED */
  readonly enabled: boolean;
  readonly log: Pick<Log, 'warn'>;
}

/** Whoever asks learns that another try may help, where it may. */
const answering = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await work();
  } catch (error) {
    if (isTransientDatabaseError(error)) throw new AppError('SERVICE_UNAVAILABLE', { cause: error });
    throw error;
  }
};

/** Answers what others ask over NATS: is a key good, where is a recording, and its bytes. */
export const startResponders = (
  bus: Pick<Bus, 'respond'>,
  { db, clock, enabled, log }: ResponderDeps,
): readonly Responder[] => [
  bus.respond(partnerRpcs.verifyKey, (question) =>
    answering(() =>
      verifyKey(db, question, {
        clock,
        enabled,
        onOldSecret: (use) =>
          void touchOldSecret(db, use).catch((error: unknown) =>
            log.warn({ err: error, keyId: use.keyId }, 'The last use of an old secret could not be noted'),
          ),
      }),
    ),
  ),
  bus.respond(partnerRpcs.analysisInput, ({ job_id }) =>
    answering(async () => (await findRecording(db, job_id)) ?? { kind: 'gone' as const }),
  ),
  bus.respond(partnerRpcs.audioChunk, ({ job_id, offset }) =>
    answering(async () => ({ data: (await readRecordingChunk(db, job_id, offset)).toString('base64') })),
  ),
];
