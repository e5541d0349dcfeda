/** Of answers that show a ticket: nobody on the way keeps them. */
export const SHOWN_ONCE = { 'cache-control': 'no-store' } as const;
