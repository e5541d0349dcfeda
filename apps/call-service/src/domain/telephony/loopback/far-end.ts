import type { CallReason } from '@switchboard/contracts';

/** What the far end does, in milliseconds from the start of the call; what is left out does not happen. */
export interface FarEnd {
  readonly ringsAfterMs?: number;
  readonly answersAfterMs?: number;
  /** Ends the attempt with a cause instead. */
  readonly refuses?: { readonly cause: CallReason; readonly afterMs: number };
  /** Counted from its answer. */
  readonly hangsUpAfterMs?: number;
}

export interface FarEndTiming {
  readonly ringsAfterMs: number;
  readonly answersAfterMs: number;
  readonly hangsUpAfterMs: number;
}

const REHEARSED = /^\+?1500555(\d{4})$/;

/** The far end behind a number (spec: calls, "Telephony driver"): some numbers rehearse an outcome, all others answer. */
export const farEndOf = (phone: string, timing: FarEndTiming): FarEnd => {
  const { ringsAfterMs, answersAfterMs, hangsUpAfterMs } = timing;
  switch (REHEARSED.exec(phone)?.[1]) {
    case '0001':
      return { refuses: { cause: 'busy', afterMs: ringsAfterMs } };
    case '0002':
      return { ringsAfterMs };
    case '0003':
      return { refuses: { cause: 'unreachable', afterMs: ringsAfterMs } };
    case '0004':
      return { ringsAfterMs, answersAfterMs, hangsUpAfterMs };
    case '0005':
      return { ringsAfterMs: 0, answersAfterMs: 0 };
    default:
      return { ringsAfterMs, answersAfterMs };
  }
};
