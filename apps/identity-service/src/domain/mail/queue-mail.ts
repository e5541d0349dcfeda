import type { Tools } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { insertMail } from './mail-repository.ts';

export interface NewMail {
  /** What it is about: `recovery`, `signup`, `key_expiring`, … */
  readonly kind: string;
  /** Null: for nobody. It is removed unsent, after the same work. */
  readonly userId: string | null;
  readonly toEmail: string;
  readonly subject: string;
  readonly text: string;
}

export const MAIL_BOX = 'mail';

/** What a sealed text is tied to, so that none can be moved to another row. */
export const mailContext = (mailId: string): string => `identity.mail ${mailId}`;

/** Writes a mail down with the change that it is about; it is sent after, by whichever replica comes first. */
export const queueMail = async (
  { trx }: Pick<Tools<'identity'>, 'trx'>,
  { data, secrets }: Pick<Deps, 'data' | 'secrets'>,
  mail: NewMail,
): Promise<void> => {
  const id = data.ids.next();
  const textEncrypted = secrets.box(MAIL_BOX).seal(mail.text, mailContext(id));
  await insertMail(trx, { ...mail, id, textEncrypted, at: data.clock.now() });
};
