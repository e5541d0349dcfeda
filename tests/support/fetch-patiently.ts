import { setTimeout as pause } from 'node:timers/promises';

const TRIES_MAX = 20;
const PAUSE_MS = 500;

/**
 * As `fetch`, but asks again after 503, as clients do: nothing was done, because somebody whom the gateway needs stood still
 * for some seconds. Not for what is refused with 503 on purpose.
 */
export const fetchPatiently = async (url: string, init: RequestInit = {}): Promise<Response> => {
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(url, init);
    if (response.status !== 503 || tries === TRIES_MAX) return response;
    await response.body?.cancel();
    await pause(PAUSE_MS);
  }
};
