import type { IncomingHttpHeaders } from 'node:http';
import type { AppError, CredentialKind, Principal, RouteContract } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *presented*: what a request carries that looks like a credential of some kind. *Admission*: the answer
 * to "who is this, and what may this credential do here". *Check*: one of the steps on the way there, in their order.
 */
export interface Admission {
  readonly principal: Principal;
  /** The credential's own limit in a group whose windows leave it open. */
  readonly limit: number | null;
  /** False: the credential is good, but not from this address. */
  allowsAddress(address: string): boolean;
}

/** What of a request a credential is read from: a real one's, or one that an administrator asks about. */
export interface PresentedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly raw: { readonly rawHeaders: readonly string[]; readonly url?: string | undefined };
}

/** The steps between a request and its principal. Each kind goes through some of them, in an order of its own. */
export type Check =
  | 'presented'
  | 'shape'
  | 'signature'
  | 'expiry'
  | 'claims'
  | 'lookup'
  | 'session'
  | 'address'
  | 'permission';

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
  /** What is checked, in the order in which it is: whoever is refused by one passed those before it. */
  readonly checks: readonly Check[];
  /** True when the request presents something of this kind, good or not. */
  isPresented(request: PresentedRequest, route: RouteContract): boolean;
  /**
   * Who presents it. At once when it is known, else after asking its owner.
   *
   * @param beforeAsking called before the owner is asked; may throw
   * @throws RefusedCredential for whatever is not good; AppError SERVICE_UNAVAILABLE when nobody can be asked
   */
  admit(
    request: PresentedRequest,
    route: RouteContract,
    beforeAsking: () => void,
  ): Admission | Promise<Admission>;
  /**
   * Of a kind whose signature is over the body: checked when that is here, before anything is counted or goes inward.
   *
   * @throws as `admit`
   */
  admitBody?(request: PresentedRequest, route: RouteContract, body: Buffer): void | Promise<void>;
  /** 403 for what the principal may not do on this route. */
  authorize(route: RouteContract, principal: Principal): void;
  /** What may be shown of it to an administrator who asks about it: never enough to use it. */
  displayOf?(request: PresentedRequest): string | null;
  /** Calls back when a credential of this kind changed, whichever it is. Gives the function that ends that. */
  onChange?(listener: () => void): () => void;
  close(): void;
}

/** Why a credential was refused: for logs. The caller sees `error`, which is the same for every reason but the first two. */
export class RefusedCredential extends Error {
  readonly error: AppError;
  readonly check: Check;
  readonly reason: string;
  /** The key it belongs to, when it is one we know. */
  readonly credentialId: string | null;

  constructor(error: AppError, check: Check, reason: string, credentialId: string | null = null) {
    super(reason);
    this.name = 'RefusedCredential';
    this.error = error;
    this.check = check;
    this.reason = reason;
    this.credentialId = credentialId;
  }
}
