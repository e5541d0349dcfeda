import { createUuidV7Ids, partnerEvents, streamForDomain } from '@switchboard/contracts';
import { type Bus, connectBus, createEnvelope, messageOf, silentLog } from '../src/index.ts';

export const partnerStream = streamForDomain('partner');
export const { jobCancelled, keyChanged } = partnerEvents;

const ids = createUuidV7Ids();
/** For questions that are surely answered: whoever answers may stand still for a while. */
export const patient = { timeoutMs: 30_000 };
const opened: Bus[] = [];

/** A bus of one more process. */
export const openBus = async (url: string, options: { waitForConnection?: boolean } = {}): Promise<Bus> => {
  const bus = await connectBus({ url, name: 'test', log: silentLog, ...options });
  opened.push(bus);
  return bus;
};

export const closeAll = async (): Promise<void> => {
  await Promise.all(opened.splice(0).map((bus) => bus.close()));
};

/** A message about a job that was cancelled; the id of the job is the id of the event. */
export const cancelledMessage = (id: string = ids.next()) => {
  const data = { job_id: id };
  const envelope = createEnvelope({
    event: jobCancelled,
    data,
    id,
    source: 'partner-service',
    time: new Date(),
  });
  return { id, message: messageOf(envelope, jobCancelled.name) };
};
