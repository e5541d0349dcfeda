/** Why a target may not be called at all. Trying again does not help. */
export const targetRefusals = {
  syntax: 'not an absolute http or https URL',
  scheme: 'only https is allowed here',
  credentials: 'user name or password in the URL',
  port: 'only the ports 80, 443 and 1024 to 65535 are allowed',
  'local name': 'a name of this machine or of a local network',
  loopback: 'loopback address',
  private: 'private address',
  'link-local': 'link-local address',
  metadata: 'cloud metadata address',
  'carrier-grade NAT': 'carrier-grade NAT address',
  unspecified: 'unspecified or "this network" address',
  multicast: 'multicast address',
  reserved: 'reserved address',
  documentation: 'documentation address',
  benchmarking: 'benchmarking address',
  transition: 'address that is translated to another one (NAT64, 6to4, Teredo)',
} as const satisfies Record<string, string>;

export type TargetRefusal = keyof typeof targetRefusals;

/** The target rules forbid it. The message is for the caller: it names the rule, not what a name resolved to. */
export class TargetRefusedError extends Error {
  readonly reason: TargetRefusal;

  constructor(reason: TargetRefusal) {
    super(`refused target: ${targetRefusals[reason]}`);
    this.name = 'TargetRefusedError';
    this.reason = reason;
  }
}

export type TargetFailure =
  | 'unresolvable'
  | 'connection'
  | 'proxy'
  | 'timeout'
  | 'too large'
  | 'encoded'
  | 'too many redirects'
  | 'cancelled';

/** The target may be called and did not answer as it should. Another time it may. */
export class TargetFailedError extends Error {
  readonly reason: TargetFailure;

  constructor(reason: TargetFailure, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'TargetFailedError';
    this.reason = reason;
  }
}
