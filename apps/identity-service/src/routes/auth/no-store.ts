/** RFC 6749, 5.1: nobody between us and the client keeps an answer with tokens. */
export const NO_STORE = { 'cache-control': 'no-store' } as const;
