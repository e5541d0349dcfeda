import type { Bus, Responder } from '@switchboard/bus';
import type { Deps } from '../deps.ts';

/** Answers what the gateway and other services ask over NATS. */
export const startResponders = (_bus: Pick<Bus, 'respond'>, _deps: Deps): readonly Responder[] => [];
