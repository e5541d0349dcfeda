import { CallClientError } from './errors.ts';
import { type Message, type RawFrame } from './frames.ts';
import { type Timing } from './timing.ts';
/** TERMINOLOGY — *command*: a message that asks something of the call. A frame says that it was done, a private frame why not. */
export interface Command {
    readonly type: Message['type'];
    readonly data: Readonly<Record<string, unknown>>;
    /** Asking twice does no harm, so that it may be sent again when a connection was lost. */
    readonly isRepeatable: boolean;
    /** Whether this frame says that it was done; throws when it says that it could not be. */
    isDoneBy(frame: RawFrame): boolean;
}
export interface Commands {
    /** Resolves when a frame says that it was done. Throws CallClientError. */
    run(command: Command): Promise<void>;
    onFrame(frame: RawFrame): void;
    /** True when the private frame was the answer to one of them. */
    onRefusal(frame: RawFrame): boolean;
    /** The connection is there, for the first time or again. */
    onOpen(): void;
    onLost(): void;
    rejectAll(error: CallClientError): void;
}
export declare const isTryAgain: (code: string) => boolean;
export declare const createCommands: (deps: {
    readonly timing: Timing;
    send(message: Message): boolean;
}) => Commands;
