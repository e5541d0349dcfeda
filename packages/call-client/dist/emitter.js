/** A fault in one listener must not keep the others from hearing, nor break the call: it is reported as uncaught. */
const report = (error) => {
    queueMicrotask(() => {
        throw error;
    });
};
export const createEmitter = () => {
    const listeners = new Map();
    return {
        on(type, listener) {
            const own = listeners.get(type) ?? new Set();
            listeners.set(type, own);
            // A function of its own: the same listener may listen twice and stop once.
            const heard = (event) => listener(event);
            own.add(heard);
            return () => void own.delete(heard);
        },
        emit(type, event) {
            for (const listener of [...(listeners.get(type) ?? [])]) {
                try {
                    listener(event);
                }
                catch (error) {
                    report(error);
                }
            }
        },
        clear: () => listeners.clear(),
    };
};
