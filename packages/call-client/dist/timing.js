export const defaultTiming = {
    firstRetryMs: 500,
    retryMaxMs: 15_000,
    giveUpAfterMs: 600_000,
    connectTimeoutMs: 10_000,
    pingEveryMs: 20_000,
    pongTimeoutMs: 10_000,
    commandTimeoutMs: 10_000,
    hangUpGraceMs: 2_000,
    mediaTimeoutMs: 20_000,
    mediaGraceMs: 4_000,
};
/**
 * The wait before attempt `attempt` (1, 2, …): exponential, of which a random half is jitter, so that thousands of pages
 * do not come back in the same moment after a gateway went away. The first comes within a moment.
 */
export const backoffMs = (attempt, { firstRetryMs, retryMaxMs }) => {
    const whole = attempt <= 1 ? firstRetryMs / 2 : Math.min(retryMaxMs, firstRetryMs * 2 ** Math.min(attempt - 2, 20));
    return attempt <= 1 ? Math.random() * whole : whole / 2 + (Math.random() * whole) / 2;
};
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
