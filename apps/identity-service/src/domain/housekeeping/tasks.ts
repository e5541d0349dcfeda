import type { RepeatedTask } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { remindExpiring } from '../api-keys/remind-expiring.ts';
import type { Mailer } from '../mail/mailer.ts';
import { sendWaitingMail } from '../mail/send-waiting-mail.ts';
import { keepSigningKeys } from '../signing-keys/rotate-signing-key.ts';
import { removeOldRows } from './remove-old-rows.ts';

/** What the service does again and again beside its requests. */
export const housekeepingTasks = (deps: Deps, mailer: Mailer): readonly RepeatedTask[] => [
  {
    name: 'mails sent',
    everyMs: 1_000,
    run: async (signal) => ({ sent: await sendWaitingMail(deps, mailer, signal) }),
  },
  {
    name: 'signing keys kept',
    everyMs: 60_000,
    run: () => keepSigningKeys(deps),
  },
  {
    name: 'owners of API keys that end soon were told',
    everyMs: 3_600_000,
    run: async (signal) => ({ reminded: await remindExpiring(deps.data, signal) }),
  },
  {
    name: 'old rows removed',
    everyMs: 3_600_000,
    run: (signal) => removeOldRows(deps, signal),
  },
];
