import { createHash, timingSafeEqual } from 'node:crypto';
import { WEBHOOK_SECRET_PREFIX } from '@switchboard/contracts';
import type { SecretBox } from '@switchboard/service-kit';
import type { SealedSecret } from './explain-repository.ts';
import { openSecret } from './find-candidates.ts';
import type { Candidate, Sent, Verdict } from './types.ts';

/** The secret as it is written here, however it was pasted: without spaces around, with the prefix, in plain base64. */
export const normalizeSecret = (given: string): string => {
  const trimmed = given.trim();
  const bare = trimmed.startsWith(WEBHOOK_SECRET_PREFIX)
    ? trimmed.slice(WEBHOOK_SECRET_PREFIX.length)
    : trimmed;
  return WEBHOOK_SECRET_PREFIX + bare.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
};

const digest = (secret: string): Buffer => createHash('sha256').update(normalizeSecret(secret)).digest();

/** Compares others with a secret, in the same time whatever they have in common. */
const sameAs = (given: string): ((secret: string) => boolean) => {
  const own = digest(given);
  return (secret) => timingSafeEqual(own, digest(secret));
};

export interface SecretJudgement {
  readonly verdict: Verdict;
  /** Which of the candidates was given; null: none of them, or none was given. */
  readonly match: Candidate | null;
}

/** What is wrong with how it is written, though it is the right one. */
const spellingOf = (given: string): string => {
  if (given !== given.trim()) return '; but there are spaces or line breaks around it';
  return given.startsWith(WEBHOOK_SECRET_PREFIX)
    ? ''
    : `; but its prefix ${WEBHOOK_SECRET_PREFIX} is missing`;
};

const judgeMatch = (given: string, match: Candidate, profile: Sent['profile'] | null): Verdict => {
  const spelling = spellingOf(given);
  const detail = `It is ${match.words}${spelling}`;
  // The partner guide's HMAC is keyed with the text as it stands.
  if (spelling !== '' && profile === 'partner') {
    return { ok: false, detail, advice: 'Use the secret exactly as it was shown, prefix and all.' };
  }
  if (match.isLive) return { ok: true, detail };
  const advice =
    profile === 'partner'
      ? 'Let the receiver accept the secret from before a rotation until callbacks from before it have come.'
      : 'Give the receiver the current secret, or rotate once more and give it the new one.';
  return { ok: false, detail, advice };
};

const judgeStranger = (
  given: string,
  others: readonly SealedSecret[],
  box: SecretBox,
  owner: string | null,
): Verdict => {
  const isSame = sameAs(given);
  const other = others.find((one) => {
    const secret = openSecret(box, one);
    return secret !== null && isSame(secret);
  });
  if (!other) {
    const detail =
      'It is none that this endpoint has or had in the last 30 days, nor that of another endpoint';
    const advice =
      'Give the receiver the secret that was shown when the endpoint was made or last rotated; if nobody has it, rotate.';
    return { ok: false, detail, advice };
  }
  return {
    ok: false,
    detail:
      other.owner === owner
        ? `It is a secret of another endpoint of the same owner, ${other.endpointId}`
        : 'It is a secret of an endpoint of another owner',
    advice: "Give the receiver this endpoint's own secret: each endpoint has one of its own.",
  };
};

/** Which secret a receiver checks with. Nothing of any secret is in the words. */
export const judgeSecret = async (
  given: string | undefined,
  context: {
    readonly candidates: readonly Candidate[];
    readonly profile: Sent['profile'] | null;
    readonly owner: string | null;
    readonly box: SecretBox;
    readonly others: () => Promise<readonly SealedSecret[]>;
  },
): Promise<SecretJudgement> => {
  if (given === undefined) {
    return { verdict: { ok: null, detail: 'No secret was given to compare' }, match: null };
  }
  const isSame = sameAs(given);
  const match = context.candidates.find(({ secret }) => isSame(secret)) ?? null;
  if (match) return { verdict: judgeMatch(given, match, context.profile), match };
  const others = await context.others();
  return { verdict: judgeStranger(given, others, context.box, context.owner), match: null };
};
