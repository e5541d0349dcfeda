import type { Bus, Consumer } from '@switchboard/bus';
import type { Deps } from '../deps.ts';
import { consumeAudit } from './audit.ts';
import { consumeLeaks } from './leaks.ts';
import { consumeNotices } from './notices.ts';

/** Every durable consumer of the service. */
export const startConsumers = (deps: Deps, bus: Bus): readonly Consumer[] => [
  ...consumeAudit(deps, bus),
  consumeLeaks(deps, bus),
  ...consumeNotices(deps, bus),
];
