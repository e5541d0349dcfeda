/**
 * Asks for the microphone. A page that starts calls does so first: the person is asked while nothing rings yet. Whoever
 * opened a stream stops its tracks.
 *
 * @throws CallClientError MICROPHONE_DENIED, MICROPHONE_MISSING, MICROPHONE_BUSY, MICROPHONE_UNAVAILABLE
 */
export declare const openMicrophone: (constraints?: MediaTrackConstraints) => Promise<MediaStream>;
