import type { AppError, CredentialKind, Principal, RouteContract } from '@switchboard/contracts';
import type { FastifyRequest } from 'fastify';

/**
 * TERMINOLOGY — *presented*: what a request carries that looks like a credential of some kind. *Admission*: the answer
 * to "who is this, and what may this credential do here".
 */
export interface Admission {
  readonly principal: Principal;
  /** The credential's own limit in a group whose windows leave it open. */
  readonly limit: number | null;
  /** False: the credential is good, but not from this address. */
  allowsAddress(address: string): boolean;
}

export interface CheckedRequest {
  readonly request: FastifyRequest;
  readonly route: RouteContract;
}

/**
 * One kind of credential: one file, one line in the table of index.ts. The steps are always the same: read what is
 * presented, refuse what cannot be good without asking anybody, look up, check, give the principal.
 */
export interface Credential {
  readonly kind: CredentialKind;
  /** Headers that carry it. They never go inward, whichever kind a route takes. */
  readonly headers: readonly string[];
  /** What a caller shall send, in words. */
  readonly howToSend: string;
  /** True when the request presents something of this kind, good or not. */
  isPresented(request: FastifyRequest): boolean;
  /**
   * Who presents it. At once when it is known, else after asking its owner.
   *
   * @param beforeAsking called before the owner is asked; may throw
   * @throws RefusedCredential for whatever is not good; AppError SERVICE_UNAVAILABLE when nobody can be asked
   */
  admit(request: FastifyRequest, beforeAsking: () => void): Admission | Promise<Admission>;
  /** 403 for what the principal may not do on this route. */
  authorize(checked: CheckedRequest, principal: Principal): void;
  close(): void;
}

/** Why a credential was refused: for logs. The caller sees `error`, which is the same for every reason but the first two. */
export class RefusedCredential extends Error {
  readonly error: AppError;
  readonly reason: string;
  /** The key it belongs to, when it is one we know. */
  readonly credentialId: string | null;

  constructor(error: AppError, reason: string, credentialId: string | null = null) {
    super(reason);
    this.name = 'RefusedCredential';
    this.error = error;
    this.reason = reason;
    this.credentialId = credentialId;
  }
}
