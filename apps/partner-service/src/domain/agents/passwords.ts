import { createHmac } from 'node:crypto';

const TEMPORARY_PASSWORD_CHARACTERS = 16;
const LABEL = 'switchboard agent temporary password v1';

/**
 * The password an agent signs in with once. Derived from the agent's id, so that the repeat of a request whose
 * answer got lost can say it again although only its hash is stored: 16 characters of base64url, 96 bits.
 *
 * @param secret the setting WEBHOOK_SECRET; the label keeps this use of it apart from all others
 */
export const deriveTemporaryPassword = (secret: string, agentId: string): string =>
  createHmac('sha256', secret)
    .update(`${LABEL}\n${agentId}`)
    .digest('base64url')
    .slice(0, TEMPORARY_PASSWORD_CHARACTERS);
