import { createHmac, timingSafeEqual } from 'node:crypto';
import { webhookSecretBytes } from '@switchboard/contracts';
import { signedContent, timestampOf } from '../standard-content.ts';
import type { Attempted } from './explain-repository.ts';
import { normalizeSecret, type SecretJudgement } from './judge-secret.ts';
import type { Given } from './read-given.ts';
import type { Candidate, Verdict } from './types.ts';

/** What a signature may have been made over. */
interface Signed {
  readonly body: Buffer;
  readonly timestamp: string;
}

/** One of the headers that hold signatures. */
interface Scheme {
  readonly name: string;
  readonly hasTime: boolean;
  /** Which of the signatures a secret made over something; -1: none. */
  indexOf(secret: string, signed: Signed): number;
}

const schemesOf = ({ messageId, timestamp, v1, partner }: Given): readonly Scheme[] => {
  const standard: Scheme = {
    name: 'webhook-signature',
    hasTime: true,
    indexOf(secret, { body, timestamp: at }) {
      const content = signedContent(messageId ?? '', at, body);
      const mac = createHmac('sha256', webhookSecretBytes(secret)).update(content).digest();
      return v1.findIndex((one) => timingSafeEqual(one, mac));
    },
  };
  const ofPartner: Scheme = {
    name: 'X-Partner-Signature',
    hasTime: false,
    indexOf(secret, { body }) {
      const mac = createHmac('sha256', secret).update(body).digest();
      return partner && timingSafeEqual(partner, mac) ? 0 : -1;
    },
  };
  return [
    ...(partner ? [ofPartner] : []),
    ...(messageId !== null && timestamp !== null && v1.length > 0 ? [standard] : []),
  ];
};

export interface SignatureContext {
  readonly given: Given;
  /** Null: not on record. */
  readonly sentBody: Buffer | null;
  readonly attempts: readonly Attempted[];
  readonly candidates: readonly Candidate[];
  /** What the receiver checks with. */
  readonly secret: string | undefined;
  readonly secretMatch: SecretJudgement['match'];
}

const judgeMatches = (
  scheme: Scheme,
  matches: readonly { readonly candidate: Candidate; readonly index: number }[],
  { given, secret, secretMatch }: SignatureContext,
): Verdict => {
  const words = matches.map(({ candidate, index }) =>
    scheme.hasTime && given.v1.length > 1
      ? `v1 signature ${index + 1} of ${given.v1.length} is of ${candidate.words}`
      : `it is of ${candidate.words}`,
  );
  const detail = `${scheme.name}: ${words.join('; ')}`;
  const isTaken =
    secret === undefined
      ? matches.some(({ candidate }) => candidate.isLive)
      : matches.some(({ candidate }) => candidate === secretMatch);
  if (isTaken) return { ok: true, detail };
  if (secret === undefined) {
    return {
      ok: false,
      detail,
      advice:
        'It was signed before that secret ended: replay the delivery, and it is signed with the current one.',
    };
  }
  return {
    ok: false,
    detail: `${detail}, and not of the secret that was given`,
    advice: 'Give the receiver the secret that signs, then replay the delivery.',
  };
};

const notMatched = (scheme: Scheme, context: SignatureContext): Verdict => {
  const { given, sentBody, attempts, candidates, secret } = context;
  const timestamp = given.timestamp ?? '';
  const isOf = (signed: Signed) => candidates.some((one) => scheme.indexOf(one.secret, signed) >= 0);
  const own = { body: given.body, timestamp };
  if (secret !== undefined && scheme.indexOf(normalizeSecret(secret), own) >= 0) {
    return {
      ok: false,
      detail: `${scheme.name}: it was made with the secret that was given, which is none of this receiver's`,
      advice: 'Look at which endpoint the message was meant for; it was not signed for this one.',
    };
  }
  if (sentBody !== null && isOf({ body: sentBody, timestamp })) {
    return {
      ok: false,
      detail: `${scheme.name}: it is right for the bytes that were sent, not for those that were given`,
      advice: 'Check the signature over the raw bytes of the request, before anything parses them.',
    };
  }
  const body = sentBody ?? given.body;
  const attempt = scheme.hasTime
    ? attempts.find(({ attemptedAt }) => isOf({ body, timestamp: timestampOf(attemptedAt) }))
    : undefined;
  if (attempt) {
    return {
      ok: false,
      detail: `${scheme.name}: it is of attempt ${attempt.attemptNumber}, whose webhook-timestamp is ${timestampOf(attempt.attemptedAt)}, not the one that was given`,
      advice:
        'Take all three headers from the same request: each attempt has a time and signatures of its own.',
    };
  }
  return {
    ok: false,
    detail: `${scheme.name}: it matches no secret that is known here`,
    advice:
      'If bytes and time are as they were sent, refuse the request: it was not signed here, or for somebody else.',
  };
};

const judgeScheme = (scheme: Scheme, context: SignatureContext): Verdict => {
  const { given, candidates } = context;
  const signed = { body: given.body, timestamp: given.timestamp ?? '' };
  const matches = candidates.flatMap((candidate) => {
    const index = scheme.indexOf(candidate.secret, signed);
    return index < 0 ? [] : [{ candidate, index }];
  });
  return matches.length > 0 ? judgeMatches(scheme, matches, context) : notMatched(scheme, context);
};

/** Which secret made the signatures, and over what. */
export const judgeSignature = (context: SignatureContext): Verdict => {
  const schemes = schemesOf(context.given);
  if (schemes.length === 0) return { ok: null, detail: 'There is no signature by a secret to look at' };
  if (context.candidates.length === 0) {
    return {
      ok: null,
      detail: 'No secret is known to check it with: the endpoint was deleted, or must be named',
    };
  }
  const verdicts = schemes.map((scheme) => judgeScheme(scheme, context));
  const detail = verdicts.map((verdict) => verdict.detail).join('. ');
  const failed = verdicts.find((verdict) => verdict.ok === false);
  return failed ? { ...failed, detail } : { ok: true, detail };
};
