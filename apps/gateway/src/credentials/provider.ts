import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { AppError, type Clock, type ProviderName, type RouteContract } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import { z } from 'zod';
import {
  type Admission,
  type Check,
  type Credential,
  type PresentedRequest,
  RefusedCredential,
} from './credential.ts';
import { cannotCheck } from './lookup.ts';
import { presentsTwice } from './presented.ts';
import { fetchJson } from './public-keys.ts';
import { createRemoteKeys } from './remote-keys.ts';

export interface ProviderOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly stripeSecret?: string | undefined;
  readonly elevenlabsSecret?: string | undefined;
  /** Where GitHub says which keys sign its secret scanning alerts. */
  readonly secretScanningKeysUrl: string;
  /** How long they may take to come; default 3,000. */
  readonly keySetTimeoutMs?: number | undefined;
}

/** How one provider signs what it sends. */
interface Scheme {
  readonly headers: readonly string[];
  /** Refuses what cannot be good whatever the body is. */
  check(request: PresentedRequest): void;
  checkBody(request: PresentedRequest, body: Buffer): void | Promise<void>;
}

const refused = (check: Check, reason: string) =>
  new RefusedCredential(
    new AppError('INVALID_CREDENTIAL', { message: 'The signature is not valid' }),
    check,
    reason,
  );

const HEADER_CHARACTERS_MAX = 2_048;

/** The one value of a header; what is too long or there twice is refused. */
const headerOf = (request: PresentedRequest, name: string): string => {
  if (presentsTwice(request, [name])) throw refused('shape', 'repeated_header');
  const value = request.headers[name];
  if (typeof value !== 'string' || value === '') throw refused('shape', 'missing_header');
  if (value.length > HEADER_CHARACTERS_MAX) throw refused('shape', 'malformed_header');
  return value;
};

const HEX_SHA256 = /^[0-9a-f]{64}$/;

/**
 * `t=<epoch seconds>,<version>=<hex>`, where the hex is HMAC-SHA256 over `<t>.<body>`; several signatures while a secret
 * is rotated. Stripe's scheme, which ElevenLabs took over with another version.
 */
const timedScheme = (options: {
  readonly clock: Clock;
  readonly header: string;
  readonly version: string;
  readonly toleranceSeconds: number;
  readonly secret: string | undefined;
  readonly variable: string;
}): Scheme => {
  const { clock, header, version, toleranceSeconds, secret, variable } = options;

  const read = (request: PresentedRequest): { time: string; signatures: readonly string[] } => {
    const parts = headerOf(request, header)
      .split(',')
      .map((part) => part.trim().split('=', 2) as [string, string | undefined]);
    const valuesOf = (name: string) => parts.filter(([key]) => key === name).map(([, value = '']) => value);
    const [time = '', ...otherTimes] = valuesOf('t');
    const signatures = valuesOf(version).filter((signature) => HEX_SHA256.test(signature));
    if (!/^\d{1,12}$/.test(time) || otherTimes.length > 0 || signatures.length === 0) {
      throw refused('shape', 'malformed_header');
    }
    return { time, signatures };
  };

  return {
    headers: [header],
    check(request) {
      if (secret === undefined) {
        throw new AppError('SERVICE_UNAVAILABLE', {
          message: `This address is not set up yet: the operator has to set ${variable}`,
        });
      }
      const { time } = read(request);
      const agoSeconds = clock.now().getTime() / 1000 - Number(time);
      if (Math.abs(agoSeconds) > toleranceSeconds) throw refused('expiry', 'old_timestamp');
    },
    checkBody(request, body) {
      const { time, signatures } = read(request);
      const expected = createHmac('sha256', secret ?? '')
        .update(`${time}.`)
        .update(body)
        .digest();
      const isGood = signatures.some((signature) => timingSafeEqual(Buffer.from(signature, 'hex'), expected));
      if (!isGood) throw refused('signature', 'wrong_signature');
    },
  };
};

const GITHUB_KEY = 'github-public-key-identifier';
const GITHUB_SIGNATURE = 'github-public-key-signature';
const GITHUB_KEYS_FRESH_SECONDS = 3_600;
const BASE64 = /^[A-Za-z0-9+/]{8,512}={0,2}$/;
const GITHUB_KEY_ID = /^[A-Za-z0-9]{1,128}$/;

const githubKeysSchema = z.object({
  public_keys: z.array(z.object({ key_identifier: z.string(), key: z.string() })).max(100),
});

/** Secret scanning partner program: ECDSA on P-256 with SHA-256 over the body; the keys are published. */
const githubScheme = ({ clock, log, secretScanningKeysUrl, keySetTimeoutMs }: ProviderOptions): Scheme => {
  const keys = createRemoteKeys<ReadonlyMap<string, KeyObject>>({
    owner: 'GitHub secret scanning',
    clock,
    log,
    freshSeconds: GITHUB_KEYS_FRESH_SECONDS,
    backoffSeconds: { first: 1, max: 60 },
    load: async () => {
      const read = githubKeysSchema.parse(await fetchJson(secretScanningKeysUrl, keySetTimeoutMs));
      const found = read.public_keys
        .map(({ key_identifier, key }) => [key_identifier, createPublicKey(key)] as const)
        .filter(([, key]) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1');
      if (found.length === 0) throw new Error('the list holds no key that can be used');
      return new Map(found);
    },
  });
  return {
    headers: [GITHUB_KEY, GITHUB_SIGNATURE],
    check(request) {
      if (!GITHUB_KEY_ID.test(headerOf(request, GITHUB_KEY))) throw refused('shape', 'malformed_header');
      if (!BASE64.test(headerOf(request, GITHUB_SIGNATURE))) throw refused('shape', 'malformed_header');
    },
    async checkBody(request, body) {
      const id = headerOf(request, GITHUB_KEY);
      const known = await keys.withKey(id).catch((error: unknown) => {
        throw cannotCheck(error);
      });
      const key = known.get(id);
      if (!key) throw refused('signature', 'unknown_key');
      const signature = Buffer.from(headerOf(request, GITHUB_SIGNATURE), 'base64');
      if (!verify('sha256', body, key, signature)) throw refused('signature', 'wrong_signature');
    },
  };
};

const admissionOf = (provider: ProviderName): Admission => ({
  principal: Object.freeze({ kind: 'provider', provider }),
  limit: null,
  allowsAddress: () => true,
});

const admissions: Readonly<Record<ProviderName, Admission>> = {
  stripe: admissionOf('stripe'),
  elevenlabs: admissionOf('elevenlabs'),
  github: admissionOf('github'),
};

/** `provider`: a webhook of somebody we buy from, known by its signature over the body (spec: common contract). */
export const createProviderCredential = (options: ProviderOptions): Credential => {
  const { clock, stripeSecret, elevenlabsSecret } = options;
  const schemes: Readonly<Record<ProviderName, Scheme>> = {
    stripe: timedScheme({
      clock,
      header: 'stripe-signature',
      version: 'v1',
      toleranceSeconds: 300,
      secret: stripeSecret,
      variable: 'STRIPE_WEBHOOK_SECRET',
    }),
    elevenlabs: timedScheme({
      clock,
      header: 'elevenlabs-signature',
      version: 'v0',
      toleranceSeconds: 1_800,
      secret: elevenlabsSecret,
      variable: 'ELEVENLABS_WEBHOOK_SECRET',
    }),
    github: githubScheme(options),
  };
  const schemeOf = ({ id, provider }: RouteContract): Scheme => {
    if (provider === undefined)
      throw new TypeError(`${id} takes a provider's signature and does not say whose`);
    return schemes[provider];
  };

  return {
    kind: 'provider',
    headers: Object.values(schemes).flatMap(({ headers }) => headers),
    howToSend: "Send the provider's signature of the body in the header that the provider uses",
    checks: ['presented', 'shape', 'expiry', 'signature'],
    isPresented: (request, route) =>
      route.provider !== undefined &&
      schemes[route.provider].headers.some((name) => request.headers[name] !== undefined),
    admit(request, route, beforeAsking) {
      schemeOf(route).check(request);
      beforeAsking();
      return admissions[route.provider ?? 'stripe'];
    },
    admitBody: (request, route, body) => schemeOf(route).checkBody(request, body),
    authorize(_route, principal) {
      if (principal.kind !== 'provider') throw new TypeError('not a principal of this credential');
    },
    close() {},
  };
};
