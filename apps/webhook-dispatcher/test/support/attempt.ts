import { systemClock } from '@switchboard/contracts';
import { createIdTracing } from '@switchboard/service-kit';
import type { AttemptResult, LeasedDelivery } from '../../src/domain/deliveries/types.ts';
import { createSender } from '../../src/domain/sending/send-attempt.ts';
import { createTargets, type TargetSettings } from '../../src/domain/sending/targets.ts';
import { makeDelivery, onUnexpected, testSign } from './deliveries.ts';

export interface AttemptMaker {
  attempt(url: string, changes?: Partial<LeasedDelivery>, signal?: AbortSignal): Promise<AttemptResult>;
  close(): Promise<void>;
}

/** What makes attempts, with connections of its own: no database, no engine. */
export const startAttempts = (
  settings: Partial<TargetSettings> & { readonly timeoutMs?: number } = {},
): AttemptMaker => {
  const { timeoutMs = 5_000, ...rest } = settings;
  const targets = createTargets({ allowPrivate: true, connectionsMax: 20, ...rest });
  const send = createSender({
    targets,
    clock: systemClock,
    tracing: createIdTracing(),
    onUnexpected,
    sign: testSign,
    timeoutMs,
  });
  return {
    attempt: (url, changes = {}, signal = new AbortController().signal) =>
      send(makeDelivery(url, changes), signal),
    close: () => targets.close(),
  };
};
