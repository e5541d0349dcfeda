import { argon2, createHmac, randomBytes } from 'node:crypto';

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

// OWASP's minimum for argon2id: 19 MiB, 2 passes, 1 lane. About 25 ms off the event loop.
const MEMORY_KIBIBYTES = 19_456;
const PASSES = 2;
const LANES = 1;
const TAG_BYTES = 32;

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** argon2id of a password as a PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
export const hashPassword = async (password: string, salt: Buffer = randomBytes(16)): Promise<string> => {
  const tag = await new Promise<Buffer>((resolve, reject) => {
    argon2(
      'argon2id',
      {
        message: password,
        nonce: salt,
        parallelism: LANES,
        tagLength: TAG_BYTES,
        memory: MEMORY_KIBIBYTES,
        passes: PASSES,
      },
      (error, hash) => (error ? reject(error) : resolve(hash)),
    );
  });
  const parameters = `m=${MEMORY_KIBIBYTES},t=${PASSES},p=${LANES}`;
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}`;
};
