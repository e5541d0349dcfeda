import { waitFor } from '@switchboard/stack/testing';
import { SMTPServer } from 'smtp-server';

export interface Mail {
  readonly to: string;
  readonly raw: string;
  /** The text a person reads: quoted-printable undone. */
  readonly text: string;
}

export interface Mailbox {
  /** As SMTP_URL. */
  readonly url: string;
  /** Waits for the next mail to an address that was not taken before, and takes it. */
  next(to: string, timeoutMs?: number): Promise<Mail>;
  stop(): Promise<void>;
}

const unquote = (raw: string): string => {
  const [, ...body] = raw.split('\r\n\r\n');
  const bytes = body
    .join('\r\n\r\n')
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
};

/** A mail server that takes everything and keeps it for whoever asks. */
export const startMailbox = async (): Promise<Mailbox> => {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('latin1');
        for (const { address } of session.envelope.rcptTo)
          mails.push({ to: address, raw, text: unquote(raw) });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  // Whoever is killed while it sends a mail breaks its connection off: that is the sender's to mend.
  server.on('error', () => {});
  const address = server.server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the mail server has no port');
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    next: (to, timeoutMs) =>
      waitFor(
        () => {
          const index = mails.findIndex((mail) => mail.to === to);
          return index === -1 ? undefined : mails.splice(index, 1)[0];
        },
        { what: `a mail to ${to}`, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
      ),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
