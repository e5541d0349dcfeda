/** Where the load is told to send: a callback to an address, or a message to whatever endpoints an owner has. */
export type LoadTarget =
  | { readonly kind: 'callback'; readonly url: string; readonly keyId: string }
  | { readonly kind: 'owner'; readonly owner: string };

/** What a load process is told to do. */
export interface SendOrder {
  /** In turns. */
  readonly targets: readonly LoadTarget[];
  readonly count: number;
  /** null: as fast as they are acknowledged, 100 at a time. */
  readonly ratePerSecond: number | null;
}

/** What people say on the telephone: no two sentences alike, so that it can be compressed as little as any text. */
const makeTranscript = (characters: number): string => {
  const words =
    'the a to and is you that it of in for on have we this can my not be your with do so are just what me but there if about like out was they would when how one time thank will please order number help account see need get could some day call back check sure right here again problem order line week address invoice delivery customer before after printer connection password moment minute however because already something yesterday tomorrow between product service question answer'.split(
      ' ',
    );
  let state = 1;
  let text = '';
  while (text.length < characters) {
    state = (state * 48_271) % 2_147_483_647;
    text += `${words[state % words.length]}${state % 11 === 0 ? '. ' : ' '}`;
  }
  return text.slice(0, characters);
};

/** About what the callback of a short call is long. */
export const BODY = JSON.stringify({
  status: 'completed',
  results: { transcript: makeTranscript(8_000), overall_score: 8.5 },
});

/** Attempts at a time, to one receiver: the same for whoever is measured. */
export const CONCURRENCY_PER_TARGET = 20;
export const TARGETS = 20;
