import { z } from 'zod';
import { environmentSchema, partnerPrincipalSchema } from '../credentials/principal.ts';
import { timestampSchema } from '../fields.ts';
import { defineRpc } from '../rpc.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** How much of a recording one answer of rpc.partner.audio_chunk carries: in base64 it stays under 1 MiB. */
export const AUDIO_CHUNK_BYTES = 512 * 1024;

export const partnerRpcs = {
  verifyKey: defineRpc({
    subject: 'rpc.partner.verify_key',
    owner: 'partner-service',
    summary: 'Is this pair good? Only hashes travel. The reason of a refusal is for logs, never for callers.',
    request: z.object({ key_hash: sha256, secret_hash: sha256 }),
    reply: z.discriminatedUnion('ok', [
      z.object({
        ok: z.literal(true),
        principal: partnerPrincipalSchema,
        allowed_ips: z.array(z.string()),
        rate_limit_per_minute: z.number().int().positive(),
        /** When the pair stops being good: the key's expiry, or the end of a rotated secret's overlap. */
        valid_until: timestampSchema.nullable(),
      }),
      z.object({
        ok: z.literal(false),
        reason: z.enum(['unknown_key', 'wrong_secret', 'disabled', 'expired', 'surface_disabled']),
        key_id: z.uuid().nullable(),
      }),
    ]),
  }),
  analysisInput: defineRpc({
    subject: 'rpc.partner.analysis_input',
    owner: 'partner-service',
    summary: 'Where the recording of a job is. `gone`: the job is over, nothing is to be done.',
    request: z.object({ job_id: z.uuid() }),
    reply: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('stored'), bytes: z.number().int(), sha256 }),
      z.object({ kind: z.literal('url'), url: z.string(), environment: environmentSchema }),
      z.object({ kind: z.literal('gone') }),
    ]),
  }),
  audioChunk: defineRpc({
    subject: 'rpc.partner.audio_chunk',
    owner: 'partner-service',
    summary: 'A piece of a stored recording, base64; at most AUDIO_CHUNK_BYTES, empty past its end.',
    request: z.object({ job_id: z.uuid(), offset: z.number().int().min(0) }),
    reply: z.object({ data: z.string() }),
  }),
};
