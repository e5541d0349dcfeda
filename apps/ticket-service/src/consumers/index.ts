import type { Bus, Consumer } from '@switchboard/bus';
import type { Deps } from '../deps.ts';
import { consumeLeaks } from './leaks.ts';
import { consumeOpenCommands } from './open-ticket.ts';
import { consumeUsage } from './usage.ts';

/** Every durable consumer of the service. */
export const startConsumers = (
  deps: Pick<Deps, 'config' | 'data' | 'sla'>,
  bus: Bus,
): readonly Consumer[] => [
  consumeUsage(deps.data, bus),
  consumeLeaks(deps.data, bus),
  consumeOpenCommands(deps, bus),
];
