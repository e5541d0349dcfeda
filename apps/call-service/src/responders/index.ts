import type { Bus, Responder } from '@switchboard/bus';
import type { Deps } from '../deps.ts';

/** Answers what gateways ask over NATS: tickets, what happened, how far, and commands that nobody has in hand. */
export const startResponders = (_bus: Pick<Bus, 'respond'>, _deps: Deps): readonly Responder[] => [];
