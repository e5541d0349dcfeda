import { createCall } from './call.js';
import { CallClientError } from './errors.js';
import { createHttp } from './http.js';
import { defaultTiming } from './timing.js';
const isAddress = (text) => /^wss?:\/\//i.test(text);
const callIdOf = (wsUrl) => {
    const id = URL.canParse(wsUrl) ? new URL(wsUrl).pathname.split('/').filter(Boolean).at(-1) : undefined;
    if (id === undefined || !isAddress(wsUrl)) {
        throw new CallClientError('INVALID_REQUEST', `${wsUrl} is no wsUrl of a call`);
    }
    return decodeURIComponent(id);
};
/** `crypto.randomUUID` is only there on https. */
const randomKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
/**
 * Follows a call without any credential but the ticket in its `wsUrl`: what a page does for a call that its server began.
 *
 * @throws CallClientError INVALID_REQUEST when it is no such URL
 */
export const followCall = (wsUrl, options = {}) => {
    const { iceServers = [], renewTicket } = options;
    const timing = { ...defaultTiming, ...options.timing };
    return createCall({ callId: callIdOf(wsUrl), wsUrl, iceServers, renewTicket, timing, hasHistory: true });
};
/** Starts, follows and lists the calls of one account. */
export const createCallClient = (options) => {
    const timing = { ...defaultTiming, ...options.timing };
    const http = createHttp({ ...options, timeoutMs: timing.connectTimeoutMs });
    const pathOf = (callId) => `/calls/${encodeURIComponent(callId)}`;
    const createTicket = async (callId) => {
        const { wsUrl } = await http.request({
            method: 'POST',
            path: `${pathOf(callId)}/tickets`,
        });
        return wsUrl;
    };
    const endCall = (callId, { keepalive = false } = {}) => http.request({ method: 'POST', path: `${pathOf(callId)}/end`, keepalive });
    return {
        endCall,
        async startCall({ name, phone, callType = 'outbound', metadata }) {
            const { callId, wsUrl, iceServers = [], } = await http.request({
                method: 'POST',
                path: '/calls',
                headers: { 'idempotency-key': randomKey() },
                body: { name, phone, callType, ...(metadata === undefined ? {} : { metadata }) },
            });
            return createCall({
                callId,
                wsUrl,
                iceServers,
                timing,
                renewTicket: () => createTicket(callId),
                endCall: () => endCall(callId),
                hasHistory: false,
            });
        },
        async followCall(callIdOrWsUrl, { iceServers = [], renewTicket, timing: own } = {}) {
            const callId = isAddress(callIdOrWsUrl) ? callIdOf(callIdOrWsUrl) : callIdOrWsUrl;
            return createCall({
                callId,
                wsUrl: isAddress(callIdOrWsUrl) ? callIdOrWsUrl : await createTicket(callId),
                iceServers,
                timing: { ...timing, ...own },
                renewTicket: renewTicket ?? (() => createTicket(callId)),
                endCall: () => endCall(callId),
                hasHistory: true,
            });
        },
        getCall: (callId) => http.request({ method: 'GET', path: pathOf(callId) }),
        listCalls: (filters = {}) => http.request({ method: 'GET', path: '/call-logs', query: { ...filters } }),
    };
};
