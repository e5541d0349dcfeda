import type { Tools } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { countMail } from '../mail/mail-repository.ts';
import { queueMail } from '../mail/queue-mail.ts';
import type { CodeChallenge } from './auth-code.ts';
import { issueOneTimeToken, type TokenPurpose } from './one-time-token.ts';

/** So that nobody's mailbox is flooded by whoever knows the address. */
const MAILS_PER_HOUR_MAX = 10;

const words: Readonly<Record<TokenPurpose, { readonly subject: string; readonly invitation: string }>> = {
  signup: { subject: 'Confirm your address', invitation: 'Follow this link to confirm your address' },
  recovery: {
    subject: 'Choose a new password',
    invitation: 'Follow this link to sign in and choose a new password',
  },
  email_change: {
    subject: 'Confirm your new address',
    invitation: 'Follow this link to confirm your new address',
  },
};

export interface TokenMail {
  readonly purpose: TokenPurpose;
  /** Null: the mail is for nobody; all that is done for somebody is done, and nothing is sent. */
  readonly userId: string | null;
  readonly email: string;
  readonly challenge: CodeChallenge | null;
  /** Where the link leads in the end; checked again when it is followed. */
  readonly redirectTo: string;
}

/** Mails a link and a code, both good for an hour. */
export const queueTokenMail = async (
  tools: Pick<Tools<'identity'>, 'trx'>,
  deps: Pick<Deps, 'config' | 'data' | 'secrets'>,
  { purpose, userId: wanted, email, challenge, redirectTo }: TokenMail,
): Promise<void> => {
  const { config, data } = deps;
  const since = new Date(data.clock.now().getTime() - 3_600_000);
  const sent = await countMail(tools.trx, { userId: wanted, kind: purpose, since });
  const userId = sent < MAILS_PER_HOUR_MAX ? wanted : null;
  const { token, code } = await issueOneTimeToken(tools, deps, { userId, purpose, email, challenge });
  const link = new URL(`${config.identity.publicUrl}/auth/v1/verify`);
  link.search = new URLSearchParams({ token, type: purpose, redirect_to: redirectTo }).toString();
  const { subject, invitation } = words[purpose];
  const text = [
    `${invitation}:`,
    '',
    link.href,
    '',
    `Or type this code: ${code}`,
    '',
    'Both are good for one hour, and once. If you did not ask for this, do nothing.',
    '',
  ].join('\n');
  await queueMail(tools, deps, { kind: purpose, userId, toEmail: email, subject, text });
};
