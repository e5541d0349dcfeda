import type { Input, Verdict } from './types.ts';

/** What a receiver got, as far as it can be read. */
export interface Given {
  readonly messageId: string | null;
  /** Seconds since 1970, as they stand there. */
  readonly timestamp: string | null;
  /** HMACs of Standard Webhooks. */
  readonly v1: readonly Buffer[];
  /** ed25519 signatures of Standard Webhooks. */
  readonly v1a: readonly Buffer[];
  /** The HMAC of the partner guide. */
  readonly partner: Buffer | null;
  readonly body: Buffer;
}

const HMAC_BYTES = 32;
const ED25519_BYTES = 64;
/** More than any attempt carries; a header of somebody else's may have any number. */
const SIGNATURES_MAX = 12;
const HEX_HMAC = /^[0-9a-f]{64}$/i;
const SECONDS = /^\d{1,12}$/;

const signaturesOf = (header: string, version: string, bytes: number): readonly Buffer[] =>
  header
    .split(/\s+/)
    .filter((part) => part.startsWith(`${version},`))
    .map((part) => Buffer.from(part.slice(version.length + 1), 'base64'))
    .filter((signature) => signature.length === bytes)
    .slice(0, SIGNATURES_MAX);

const timestampFault = (timestamp: string): string => {
  if (/^\d{13}$/.test(timestamp)) return 'webhook-timestamp is in milliseconds, and must be in seconds';
  return 'webhook-timestamp is not a whole number of seconds';
};

const faultsOf = (headers: ReadonlyMap<string, string>, given: Given): readonly string[] => {
  const isPartner = headers.has('x-partner-signature');
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const present = names.filter((name) => headers.has(name));
  const faults: string[] = [];
  if (isPartner && given.partner === null) {
    faults.push('X-Partner-Signature is not 64 hexadecimal digits');
  }
  // A callback may be checked by its own header alone.
  if (!isPartner || present.length > 0) {
    for (const name of names) if (!headers.has(name)) faults.push(`${name} is missing`);
  }
  const timestamp = headers.get('webhook-timestamp');
  if (timestamp !== undefined && given.timestamp === null) faults.push(timestampFault(timestamp));
  if (headers.has('webhook-signature') && given.v1.length === 0 && given.v1a.length === 0) {
    faults.push('webhook-signature holds no v1 or v1a signature of the right length');
  }
  return faults;
};

const judge = (headers: ReadonlyMap<string, string>, given: Given): Verdict => {
  const faults = faultsOf(headers, given);
  if (faults.length === 0) {
    const parts = [
      ...(given.partner ? ['X-Partner-Signature'] : []),
      ...(given.v1.length > 0 ? [`${given.v1.length} v1`] : []),
      ...(given.v1a.length > 0 ? [`${given.v1a.length} v1a`] : []),
    ];
    return { ok: true, detail: `All headers are there and well-formed; signatures: ${parts.join(', ')}` };
  }
  return {
    ok: false,
    detail: faults.join('; '),
    advice:
      'Look at what the receiver reads: a proxy or framework may drop or rename headers, and their names are compared without case.',
  };
};

/** Reads what a receiver got. Nothing of it is in the words. */
export const readGiven = (input: Input): { readonly given: Given; readonly verdict: Verdict } => {
  const headers = new Map(
    Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value.trim()]),
  );
  const signatures = headers.get('webhook-signature') ?? '';
  const timestamp = headers.get('webhook-timestamp') ?? '';
  const partner = headers.get('x-partner-signature') ?? '';
  const given: Given = {
    messageId: headers.get('webhook-id') || headers.get('x-webhook-id') || null,
    timestamp: SECONDS.test(timestamp) ? timestamp : null,
    v1: signaturesOf(signatures, 'v1', HMAC_BYTES),
    v1a: signaturesOf(signatures, 'v1a', ED25519_BYTES),
    partner: HEX_HMAC.test(partner) ? Buffer.from(partner, 'hex') : null,
    body:
      input.body_base64 === undefined
        ? Buffer.from(input.body ?? '')
        : Buffer.from(input.body_base64, 'base64'),
  };
  return { given, verdict: judge(headers, given) };
};
