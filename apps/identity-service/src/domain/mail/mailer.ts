import type { Log } from '@switchboard/bus';
import { createTransport } from 'nodemailer';
import type { Config } from '../../config.ts';

export interface OutgoingMail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Why a mail was not sent. `isFinal`: it never will be. */
export class MailError extends Error {
  readonly isFinal: boolean;

  constructor(message: string, isFinal: boolean) {
    super(message);
    this.name = 'MailError';
    this.isFinal = isFinal;
  }
}

export interface Mailer {
  /** @throws {MailError} */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 30_000;

/** The server's "no" to this mail (5xx to an address or a message) is final; all else may pass. */
const isFinalAnswer = (error: Error): boolean => {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  return (
    (code === 'EENVELOPE' || code === 'EMESSAGE') && typeof responseCode === 'number' && responseCode >= 500
  );
};

const smtpMailer = (url: string, from: string): Mailer => {
  const transport = createTransport(
    {
      url,
      pool: true,
      maxConnections: 2,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      greetingTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_TIMEOUT_MS,
      // Nothing of a mail of ours is read from a file or fetched.
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
  return {
    async send({ id, to, subject, text }) {
      try {
        // The row's id, so that a mail that was sent twice after a crash is one to the reader's program.
        await transport.sendMail({
          to: { name: '', address: to },
          subject,
          text,
          messageId: `<${id}@switchboard>`,
          headers: { 'auto-submitted': 'auto-generated' },
        });
      } catch (error) {
        const cause = error instanceof Error ? error : new Error(String(error));
        throw new MailError(cause.message, isFinalAnswer(cause));
      }
    },
    close: () => transport.close(),
  };
};

const printingMailer = (log: Log): Mailer => ({
  async send({ to, subject, text }) {
    log.info({ to, subject, text }, 'Mail (MAIL_PRINT is set, so it was not sent)');
  },
  close: () => undefined,
});

const noMailer: Mailer = {
  async send() {
    throw new MailError('No mail server is configured: set SMTP_URL', true);
  },
  close: () => undefined,
};

export const createMailer = ({ mail }: Pick<Config, 'mail'>, log: Log): Mailer => {
  if (mail.print) return printingMailer(log);
  return mail.smtpUrl === undefined ? noMailer : smtpMailer(mail.smtpUrl, mail.from);
};
