import type { Bus, Consumer } from '@switchboard/bus';
import type { Deps } from '../deps.ts';
import { consumeLeaks } from './leaks.ts';
import { consumeUsage } from './usage.ts';

/** Every durable consumer of the service. */
export const startConsumers = ({ data }: Pick<Deps, 'data'>, bus: Bus): readonly Consumer[] => [
  consumeUsage(data, bus),
  consumeLeaks(data, bus),
];
