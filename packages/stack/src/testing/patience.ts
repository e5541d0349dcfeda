import type { Bus } from '@switchboard/bus';
import { createUuidV7Ids } from '@switchboard/contracts';
import { waitFor } from '../wait.ts';

/** Those who ask and those who answer are one process in many tests: it may stand still for longer than a caller would wait. */
export const PATIENCE_MS = 60_000;

/** For `createDatabase`: nobody is away because this machine is busy. */
export const PATIENT_DATABASE = { connectTimeoutMs: PATIENCE_MS, statementTimeoutMs: PATIENCE_MS };

const ids = createUuidV7Ids();

/** The bus, with time to answer on a machine that is busy. That nobody is there to answer is heard at once all the same. */
export const patientBus = (bus: Bus): Bus => ({
  ...bus,
  request: (rpc, input, options) => bus.request(rpc, input, { ...options, timeoutMs: PATIENCE_MS }),
  publishEvent: (event, data, options) => {
    // The same id each time: what was kept although its answer was late is not kept twice.
    const id = options.id ?? ids.next();
    return waitFor(() => bus.publishEvent(event, data, { ...options, id }), {
      what: `${event.name} to be kept`,
    });
  },
});
