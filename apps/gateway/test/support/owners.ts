import { randomUUID } from 'node:crypto';
import type { Bus } from '@switchboard/bus';
import {
  generateKey,
  hashKey,
  identityEvents,
  identityRpcs,
  keyPrefixes,
  redeemTicketRpc,
  ticketEvents,
  ticketRpcs,
} from '@switchboard/contracts';
import type { z } from 'zod';

type ApiKeyReply = z.input<typeof identityRpcs.verifyApiKey.reply>;
type TokenReply = z.input<typeof ticketRpcs.verifyToken.reply>;

interface IssueOptions {
  readonly allowedIps?: string[];
  readonly validUntil?: string | null;
}

/** Answers the question about API keys over the real NATS: what identity-service does from its tables. */
export const createApiKeyOwner = (bus: Bus) => {
  const replies = new Map<string, ApiKeyReply>();
  let questions = 0;
  const responder = bus.respond(identityRpcs.verifyApiKey, async ({ key_hash, secret_hash }) => {
    questions += 1;
    const unknown: ApiKeyReply = { ok: false, reason: 'unknown_key', key_id: null };
    return replies.get(`${key_hash}:${secret_hash}`) ?? unknown;
  });
  return {
    get questions() {
      return questions;
    },
    issue(options: IssueOptions & { key?: string; secret?: string } = {}) {
      const { key = generateKey(keyPrefixes.apiKey), secret = generateKey(keyPrefixes.apiSecret) } = options;
      const keyId = randomUUID();
      replies.set(`${hashKey(key)}:${hashKey(secret)}`, {
        ok: true,
        principal: { kind: 'api_key', key_id: keyId, account_id: randomUUID() },
        allowed_ips: options.allowedIps ?? [],
        rate_limit_per_minute: 100,
        valid_until: options.validUntil ?? null,
      });
      return { key, secret, keyId, headers: { 'x-api-key': key, 'x-api-secret': secret } };
    },
    async revoke(pair: { key: string; secret: string; keyId: string }): Promise<void> {
      replies.set(`${hashKey(pair.key)}:${hashKey(pair.secret)}`, {
        ok: false,
        reason: 'revoked',
        key_id: pair.keyId,
      });
      await bus.publishEvent(
        identityEvents.apiKeyChanged,
        { key_id: pair.keyId, change: 'revoked' },
        { source: 'identity-service' },
      );
    },
    leave: () => responder.stop(),
  };
};

/** The same for integration tokens: what ticket-service does. */
export const createTokenOwner = (bus: Bus) => {
  const replies = new Map<string, TokenReply>();
  let questions = 0;
  const responder = bus.respond(ticketRpcs.verifyToken, async ({ token_hash }) => {
    questions += 1;
    const unknown: TokenReply = { ok: false, reason: 'unknown_token', token_id: null };
    return replies.get(token_hash) ?? unknown;
  });
  return {
    get questions() {
      return questions;
    },
    issue(options: IssueOptions & { allowedEndpoints?: string[] } = {}) {
      const token = generateKey(keyPrefixes.integrationToken);
      const tokenId = randomUUID();
      replies.set(hashKey(token), {
        ok: true,
        principal: {
          kind: 'integration_token',
          token_id: tokenId,
          token_name: 'Test',
          owner_user_id: null,
          allowed_endpoints: options.allowedEndpoints ?? ['*'],
        },
        allowed_ips: options.allowedIps ?? [],
        rate_limit_per_hour: 1000,
        valid_until: options.validUntil ?? null,
      });
      return { token, tokenId, headers: { authorization: `Bearer ${token}` } };
    },
    async revoke({ token, tokenId }: { token: string; tokenId: string }): Promise<void> {
      replies.set(hashKey(token), { ok: false, reason: 'revoked', token_id: tokenId });
      await bus.publishEvent(
        ticketEvents.tokenChanged,
        { token_id: tokenId, change: 'revoked' },
        { source: 'ticket-service' },
      );
    },
    leave: () => responder.stop(),
  };
};

const redeem = redeemTicketRpc('partner-service');

/** The same for tickets: each is good for one path, once. */
export const createTicketOwner = (bus: Bus) => {
  const paths = new Map<string, string>();
  let questions = 0;
  const responder = bus.respond(
    redeem,
    async ({ ticket_hash, path }): Promise<z.input<typeof redeem.reply>> => {
      questions += 1;
      const wanted = paths.get(ticket_hash);
      if (wanted === undefined) return { ok: false, reason: 'unknown_ticket' };
      if (wanted !== path) return { ok: false, reason: 'other_resource' };
      paths.delete(ticket_hash);
      return {
        ok: true,
        principal: {
          kind: 'ticket',
          ticket_id: randomUUID(),
          resource: { type: 'recording', id: 'r-1' },
          owner_id: 'a-1',
          use: 1,
        },
      };
    },
  );
  return {
    get questions() {
      return questions;
    },
    issue(path: string): string {
      const ticket = generateKey(keyPrefixes.ticket);
      paths.set(hashKey(ticket), path);
      return ticket;
    },
    leave: () => responder.stop(),
  };
};
