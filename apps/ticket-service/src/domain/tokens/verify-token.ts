import type { Clock, ticketRpcs } from '@switchboard/contracts';
import { earliest, isSameHash } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Executor } from '../database.ts';

type Verdict = z.input<typeof ticketRpcs.verifyToken.reply>;
type Refusal = Extract<Verdict, { ok: false }>['reason'];

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly ownerUserId: string | null;
  readonly allowedEndpoints: readonly string[];
  readonly allowedIps: readonly string[];
  readonly rateLimitPerHour: number;
  readonly tokenHash: string;
  readonly previousHash: string | null;
  readonly previousExpiresAt: Date | null;
  readonly previousLastUsedAt: Date | null;
  readonly status: 'active' | 'disabled' | 'revoked';
  readonly expiresAt: Date | null;
}

const findByHash = async (executor: Executor, hash: string): Promise<TokenRow | null> => {
  const found = await sql<TokenRow>`
    SELECT id, name, owner_user_id AS "ownerUserId", allowed_endpoints AS "allowedEndpoints",
      to_json(allowed_ips) AS "allowedIps", rate_limit_per_hour AS "rateLimitPerHour", token_hash AS "tokenHash",
      previous_token_hash AS "previousHash", previous_token_expires_at AS "previousExpiresAt",
      previous_token_last_used_at AS "previousLastUsedAt", status, expires_at AS "expiresAt"
    FROM tickets.integration_tokens WHERE token_hash = ${hash} OR previous_token_hash = ${hash}
  `.execute(executor);
  return found.rows[0] ?? null;
};

/** How exact the last use of an old secret is. */
const LAST_USED_STEP_SECONDS = 60;

/** Notes that a regenerated token's old secret is still in use, so that an administrator knows when it is not. */
const touchPrevious = async (executor: Executor, token: TokenRow, now: Date): Promise<void> => {
  const before = new Date(now.getTime() - LAST_USED_STEP_SECONDS * 1000);
  if (token.previousLastUsedAt !== null && token.previousLastUsedAt > before) return;
  await sql`
    UPDATE tickets.integration_tokens SET previous_token_last_used_at = ${now}
    WHERE id = ${token.id} AND previous_token_hash = ${token.previousHash}
      AND (previous_token_last_used_at IS NULL OR previous_token_last_used_at <= ${before})
  `.execute(executor);
};

/**
 * Says whether a token is good, and whose it is. Takes its hash only. A regenerated token's old secret is good until its
 * overlap ends; the reason of a refusal is for logs.
 */
export const verifyToken = async (
  executor: Executor,
  { token_hash: hash }: { readonly token_hash: string },
  { clock }: { readonly clock: Clock },
): Promise<Verdict> => {
  const refuse = (reason: Refusal, token: TokenRow | null): Verdict => ({
    ok: false,
    reason,
    token_id: token?.id ?? null,
  });
  const now = clock.now();
  const token = await findByHash(executor, hash);
  if (!token) return refuse('unknown_token', null);

  const isCurrent = isSameHash(token.tokenHash, hash);
  const isPrevious = !isCurrent && token.previousHash !== null && isSameHash(token.previousHash, hash);
  if (!isCurrent && !isPrevious) return refuse('unknown_token', null);
  if (token.status !== 'active') return refuse(token.status, token);
  const validUntil = earliest(token.expiresAt, isPrevious ? token.previousExpiresAt : null);
  if (validUntil !== null && validUntil <= now) return refuse('expired', token);

  if (isPrevious) await touchPrevious(executor, token, now);
  return {
    ok: true,
    principal: {
      kind: 'integration_token',
      token_id: token.id,
      token_name: token.name,
      owner_user_id: token.ownerUserId,
      allowed_endpoints: [...token.allowedEndpoints],
    },
    allowed_ips: [...token.allowedIps],
    rate_limit_per_hour: token.rateLimitPerHour,
    valid_until: validUntil?.toISOString() ?? null,
  };
};
