const FAILURES = [
    'busy',
    'no_answer',
    'rejected',
    'unreachable',
    'media_failed',
];
/** Whether a call that is over for this reason has failed, and not ended. */
export const isFailure = (reason) => FAILURES.includes(reason);
/** Gives undefined for what is no frame at all. */
export const readFrame = (text) => {
    if (typeof text !== 'string')
        return undefined;
    try {
        const frame = JSON.parse(text);
        if (typeof frame !== 'object' || frame === null || typeof frame.type !== 'string')
            return undefined;
        const { sequence, timestamp = '', data = {} } = frame;
        if (!Number.isSafeInteger(sequence) || sequence < 0)
            return undefined;
        return { ...frame, timestamp, data };
    }
    catch {
        return undefined;
    }
};
/** Reads the `data` of a `call.error`, whatever of it is there. */
export const readError = (data) => {
    const { code, message, details } = Object(data);
    return {
        code: typeof code === 'string' ? code : 'INTERNAL_ERROR',
        message: typeof message === 'string' ? message : 'The server said no more',
        details: typeof details === 'object' && details !== null ? details : {},
    };
};
