import { backoffMs } from '@switchboard/bus';
import type { Deps } from '../../deps.ts';
import {
  claimMail,
  deleteMail,
  markMailFailed,
  markMailSent,
  postponeMail,
  type WaitingMail,
} from './mail-repository.ts';
import { MailError, type Mailer, type OutgoingMail } from './mailer.ts';
import { MAIL_BOX, mailContext } from './queue-mail.ts';

/** Longer than the mailer's timeouts together: a mail is given to another replica only when this one is dead. */
const LEASE_SECONDS = 120;
const MAILS_AT_ONCE = 5;
/** With the waits below, about a day. */
const ATTEMPTS_MAX = 30;
const waits = { firstMs: 5_000, maxMs: 3_600_000 };
const ERROR_CHARACTERS_MAX = 500;

/** What a mail that is being sent gets when the service stops. */
const STOP_GRACE_MS = 2_000;

type MailDeps = Pick<Deps, 'data' | 'secrets'>;

/** Sends a mail, but does not hold up a restart for a mail server that says nothing: the next process sends it again. */
const sendWhileRunning = async (
  mailer: Mailer,
  mail: OutgoingMail,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const onStop = () => {
    const error = new MailError('The service stopped before the mail server answered', false);
    timer = setTimeout(() => reject(error), STOP_GRACE_MS);
  };
  signal?.addEventListener('abort', onStop);
  try {
    await Promise.race([mailer.send(mail), stopped]);
  } finally {
    signal?.removeEventListener('abort', onStop);
    clearTimeout(timer);
  }
};

const sendOne = async (
  { data, secrets }: MailDeps,
  mailer: Mailer,
  mail: WaitingMail,
  signal: AbortSignal | undefined,
): Promise<boolean> => {
  const { id, userId, toEmail, subject, textEncrypted, attempts } = mail;
  if (userId === null) {
    await deleteMail(data.db, id);
    return false;
  }
  try {
    let text: string;
    try {
      text = secrets.box(MAIL_BOX).open(textEncrypted, mailContext(id));
    } catch (error) {
      throw new MailError(error instanceof Error ? error.message : String(error), true);
    }
    await sendWhileRunning(mailer, { id, to: toEmail, subject, text }, signal);
  } catch (thrown) {
    if (!(thrown instanceof MailError)) throw thrown;
    const error = thrown.message.slice(0, ERROR_CHARACTERS_MAX);
    const now = data.clock.now();
    if (thrown.isFinal || attempts >= ATTEMPTS_MAX) {
      await markMailFailed(data.db, id, { at: now, error });
      data.log.warn({ mailId: id, kind: mail.kind, error }, 'A mail was given up');
    } else {
      const until = new Date(now.getTime() + backoffMs(attempts, waits));
      await postponeMail(data.db, id, { until, error });
    }
    return false;
  }
  await markMailSent(data.db, id, data.clock.now());
  return true;
};

/**
 * Sends the mails that are due, a few at a time. A crash between sending and its record sends one again: better twice than
 * never. Gives how many were sent.
 */
export const sendWaitingMail = async (
  deps: MailDeps,
  mailer: Mailer,
  signal?: AbortSignal,
): Promise<number> => {
  const { data } = deps;
  for (let sent = 0; ; ) {
    const now = data.clock.now();
    const leaseUntil = new Date(now.getTime() + LEASE_SECONDS * 1000);
    const claimed = await claimMail(data.db, { now, leaseUntil, limit: MAILS_AT_ONCE });
    const outcomes = await Promise.all(claimed.map((mail) => sendOne(deps, mailer, mail, signal)));
    sent += outcomes.filter(Boolean).length;
    if (claimed.length < MAILS_AT_ONCE || signal?.aborted === true) return sent;
  }
};
