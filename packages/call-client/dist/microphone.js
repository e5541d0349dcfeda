import { CallClientError } from './errors.js';
const FAULTS = {
    NotAllowedError: ['MICROPHONE_DENIED', 'The microphone was not allowed'],
    SecurityError: ['MICROPHONE_DENIED', 'The microphone was not allowed'],
    NotFoundError: ['MICROPHONE_MISSING', 'There is no microphone'],
    OverconstrainedError: ['MICROPHONE_MISSING', 'There is no microphone as it was asked for'],
    NotReadableError: ['MICROPHONE_BUSY', 'The microphone cannot be read: another program may have it'],
};
/**
 * Asks for the microphone. A page that starts calls does so first: the person is asked while nothing rings yet. Whoever
 * opened a stream stops its tracks.
 *
 * @throws CallClientError MICROPHONE_DENIED, MICROPHONE_MISSING, MICROPHONE_BUSY, MICROPHONE_UNAVAILABLE
 */
export const openMicrophone = async (constraints = {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
}) => {
    const devices = globalThis.navigator?.mediaDevices;
    if (devices?.getUserMedia === undefined) {
        throw new CallClientError('MICROPHONE_UNAVAILABLE', 'Only a page that is served by https, or from localhost, may use the microphone');
    }
    try {
        return await devices.getUserMedia({ audio: constraints, video: false });
    }
    catch (cause) {
        const name = cause instanceof Error ? cause.name : '';
        const [code, message] = FAULTS[name] ?? ['MICROPHONE_UNAVAILABLE', 'The microphone cannot be used'];
        throw new CallClientError(code, message, { cause });
    }
};
