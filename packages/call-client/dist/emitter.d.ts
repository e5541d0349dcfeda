export type Listener<Event> = (event: Event) => void;
export interface Emitter<Events> {
    /** Gives a function that ends the listening. */
    on<Type extends keyof Events>(type: Type, listener: Listener<Events[Type]>): () => void;
    emit<Type extends keyof Events>(type: Type, event: Events[Type]): void;
    clear(): void;
}
export declare const createEmitter: <Events>() => Emitter<Events>;
