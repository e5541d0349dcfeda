export type Listener<Event> = (event: Event) => void;

export interface Emitter<Events> {
  /** Gives a function that ends the listening. */
  on<Type extends keyof Events>(type: Type, listener: Listener<Events[Type]>): () => void;
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void;
  clear(): void;
}

/** A fault in one listener must not keep the others from hearing, nor break the call: it is reported as uncaught. */
const report = (error: unknown): void => {
  queueMicrotask(() => {
    throw error;
  });
};

export const createEmitter = <Events>(): Emitter<Events> => {
  const listeners = new Map<keyof Events, Set<Listener<never>>>();
  return {
    on(type, listener) {
      const own = listeners.get(type) ?? new Set();
      listeners.set(type, own);
      // A function of its own: the same listener may listen twice and stop once.
      const heard: typeof listener = (event) => listener(event);
      own.add(heard);
      return () => void own.delete(heard);
    },
    emit(type, event) {
      for (const listener of [...(listeners.get(type) ?? [])]) {
        try {
          (listener as Listener<typeof event>)(event);
        } catch (error) {
          report(error);
        }
      }
    },
    clear: () => listeners.clear(),
  };
};
