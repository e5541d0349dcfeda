import { CallClientError } from './errors.js';
import { readError } from './frames.js';
import { wait } from './timing.js';
const ATTEMPTS = 3;
const RETRY_AFTER_SECONDS_MAX = 5;
/** Nothing was done, or it may be done again: every POST here is safe to repeat, or carries an idempotency key. */
const isPassing = (status) => status === undefined || status === 502 || status === 503 || status === 504;
const addressOf = (baseUrl, { path, query = {} }) => {
    const url = new URL(`${baseUrl.replace(/\/+$/, '')}${path}`);
    for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== '')
            url.searchParams.set(name, String(value));
    }
    return url.href;
};
const errorOf = async (response) => {
    const { status } = response;
    const body = Object(await response.json().catch(() => undefined));
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
    const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
    if (body.error === undefined) {
        return new CallClientError('CONNECTION_ERROR', `The server answered ${status} without a word`, {
            status,
            retryAfterSeconds,
        });
    }
    const { code, message, details } = readError(body.error);
    return new CallClientError(code, message, { details, status, retryAfterSeconds });
};
/** Asks the API; what is in the way for a moment is tried again. */
export const createHttp = ({ baseUrl, apiKey, apiSecret, headers, timeoutMs }) => {
    const credentials = async () => ({
        ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
        ...(apiSecret === undefined ? {} : { 'x-api-secret': apiSecret }),
        ...(typeof headers === 'function' ? await headers() : headers),
    });
    const once = async (request) => {
        const { method, body, keepalive = false } = request;
        const sent = {
            ...(await credentials()),
            ...request.headers,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        };
        const response = await fetch(addressOf(baseUrl, request), {
            method,
            headers: sent,
            keepalive,
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            signal: AbortSignal.timeout(timeoutMs),
        }).catch((cause) => {
            throw new CallClientError('CONNECTION_ERROR', 'The server cannot be reached', { cause });
        });
        if (!response.ok)
            throw await errorOf(response);
        const answer = Object(await response.json().catch(() => undefined));
        if (answer.data !== undefined)
            return answer.data;
        throw new CallClientError('CONNECTION_ERROR', 'The answer of the server was cut off', {});
    };
    return {
        async request(request) {
            for (let attempt = 1;; attempt += 1) {
                try {
                    return await once(request);
                }
                catch (error) {
                    if (!(error instanceof CallClientError) || !isPassing(error.status))
                        throw error;
                    const { retryAfterSeconds = 0 } = error;
                    if (attempt >= ATTEMPTS || retryAfterSeconds > RETRY_AFTER_SECONDS_MAX)
                        throw error;
                    await wait(Math.max(retryAfterSeconds * 1000, 200 * 2 ** attempt * (0.5 + Math.random() / 2)));
                }
            }
        },
    };
};
