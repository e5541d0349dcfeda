import { systemClock } from '@switchboard/contracts';
import { createIdTracing } from '@switchboard/service-kit';
import type { AttemptResult, LeasedDelivery } from '../../src/domain/deliveries/types.ts';
import { createSender } from '../../src/domain/sending/send-attempt.ts';
import { createTargets, type TargetSettings } from '../../src/domain/sending/targets.ts';
import { makeDelivery, onUnexpected, testSign } from './deliveries.ts';

export interface AttemptMaker {
  /** Within `timeoutMs`, or in this time of its own. */
  attempt(
    url: string,
    changes?: Partial<LeasedDelivery>,
    signal?: AbortSignal,
    ownTimeoutMs?: number,
  ): Promise<AttemptResult>;
  close(): Promise<void>;
}

/** What makes attempts, with connections of its own: no database, no engine. */
export const startAttempts = (
  settings: Partial<TargetSettings> & { readonly timeoutMs?: number } = {},
): AttemptMaker => {
  const { timeoutMs = 30_000, ...rest } = settings;
  const targets = createTargets({ allowPrivate: true, connectionsMax: 20, ...rest });
  const senderWithin = (ms: number) =>
    createSender({
      targets,
      clock: systemClock,
      tracing: createIdTracing(),
      onUnexpected,
      sign: testSign,
      timeoutMs: ms,
    });
  return {
    attempt: (url, changes = {}, signal = new AbortController().signal, ownTimeoutMs = timeoutMs) =>
      senderWithin(ownTimeoutMs)(makeDelivery(url, changes), signal),
    close: () => targets.close(),
  };
};
