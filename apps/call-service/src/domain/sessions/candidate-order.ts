import type { IceCandidate } from '@switchboard/contracts';

const KEPT_MAX = 100;
const PER_OFFER_MAX = 500;

const UFRAGS = /^a=ice-ufrag:(\S+)\s*$/gm;
const ufragsOf = (sdp: string): ReadonlySet<string> =>
  new Set([...sdp.matchAll(UFRAGS)].map(([, ufrag]) => ufrag ?? ''));

const ufragOf = (candidate: IceCandidate): string | undefined =>
  candidate?.usernameFragment ?? / ufrag (\S+)/.exec(candidate?.candidate ?? '')?.[1];

export interface CandidateOrder {
  /** An offer was taken: the candidates that waited for it. */
  offered(sdp: string): readonly IceCandidate[];
  /** `due`: the leg can take it. `kept`: it belongs to an offer that is still to come. `refused`: there are too many. */
  add(candidate: IceCandidate): 'due' | 'kept' | 'refused';
}

/**
 * Candidates may come before the offer they belong to: they are sent as soon as a browser finds them, perhaps on another
 * connection or with another request than the offer. By the name (`ufrag`) that both carry one sees which go together.
 */
export const createCandidateOrder = (): CandidateOrder => {
  let ufrags: ReadonlySet<string> | null = null;
  let kept: IceCandidate[] = [];
  let sinceOffer = 0;

  const fits = (candidate: IceCandidate): boolean => {
    if (ufrags === null) return false;
    const ufrag = ufragOf(candidate);
    return ufrag === undefined || ufrags.size === 0 || ufrags.has(ufrag);
  };

  return {
    offered(sdp) {
      ufrags = ufragsOf(sdp);
      const due = kept.filter(fits);
      kept = kept.filter((candidate) => !fits(candidate));
      sinceOffer = due.length;
      return due;
    },
    add(candidate) {
      if (fits(candidate)) {
        if (sinceOffer >= PER_OFFER_MAX) return 'refused';
        sinceOffer += 1;
        return 'due';
      }
      if (kept.length >= KEPT_MAX) return 'refused';
      kept.push(candidate);
      return 'kept';
    },
  };
};
