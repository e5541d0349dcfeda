import type { Bus, Consumer } from '@switchboard/bus';
import type { Deps } from '../deps.ts';

/** Every durable consumer of the service. */
export const startConsumers = (_deps: Deps, _bus: Bus): readonly Consumer[] => [];
