import type { Bus, Consumer } from '@switchboard/bus';
import type { Data } from '../domain/database.ts';
import { consumeAnalysis } from './analysis.ts';
import { consumeLeaks } from './leaks.ts';
import { consumeRequestLog } from './request-log.ts';
import { consumeWebhookLog } from './webhook-log.ts';

/** Every durable consumer of the service. */
export const startConsumers = (data: Data, bus: Bus): readonly Consumer[] => [
  consumeAnalysis(data, bus),
  consumeWebhookLog(data, bus),
  consumeRequestLog(data, bus),
  consumeLeaks(data, bus),
];
