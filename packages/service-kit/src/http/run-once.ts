import { createHash } from 'node:crypto';
import { type IdempotentAnswer, type IdempotentInput, idempotent } from '@switchboard/db';
import { z } from 'zod';
import { createSecretBox, type SecretBox } from '../crypto/secret-box.ts';

/** JSON with sorted keys: the same request written in another order of fields is the same request. */
const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : part,
  ) ?? '';

/** What an idempotency key stands for: a hash of everything in the request that matters. */
export const hashRequest = (request: unknown): string =>
  createHash('sha256').update(canonicalJson(request)).digest('hex');

/**
 * Keeps answers that show a secret once: the record of an idempotency key holds them sealed.
 *
 * @param secrets of the service, the current one first
 */
export const createAnswerBox = (secrets: readonly string[]): SecretBox =>
  createSecretBox(secrets, 'answers of idempotent requests');

const sealedSchema = z.object({ sealed: z.string() });

export interface SealedOnceInput<Schema> extends Omit<IdempotentInput<Schema>, 'key'> {
  /** Undefined: the request has no key and simply runs. */
  readonly key: string | undefined;
  readonly box: SecretBox;
}

/**
 * Runs an effect whose answer shows a secret once per idempotency key, in the effect's transaction. Whoever repeats the
 * request gets the secret again; whoever reads the table does not.
 *
 * @param schema checks the answer that was kept
 * @throws AppError DUPLICATE_REQUEST when the key came with another request before
 */
export const runSealedOnce = async <Schema, Body>(
  { box, key, ...input }: SealedOnceInput<Schema>,
  status: number,
  run: () => Promise<Body>,
  schema: z.ZodType<Body>,
): Promise<IdempotentAnswer<Body>> => {
  if (key === undefined) return { replayed: false, status, body: await run() };
  const context = `${input.scope}\n${key}`;
  const answer = await idempotent(
    { ...input, key },
    async () => ({ status, body: { sealed: box.seal(JSON.stringify(await run()), context) } }),
    (stored) => sealedSchema.parse(stored),
  );
  const body = schema.parse(JSON.parse(box.open(answer.body.sealed, context)));
  return { replayed: answer.replayed, status: answer.status, body };
};

/** Marks the answer to a repeated request. */
export const replayHeaders = (replayed: boolean): Readonly<Record<string, string>> =>
  replayed ? { 'idempotent-replay': 'true' } : {};
