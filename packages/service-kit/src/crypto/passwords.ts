import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';

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

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Whether a password is the one of a PHC string; by the parameters in it, so that old hashes stay good when ours change. */
export const verifyPassword = async (password: string, phc: string): Promise<boolean> => {
  const [, memory, passes, lanes, salt, tag] = PHC.exec(phc) ?? [];
  if (!memory || !passes || !lanes || !salt || !tag) throw new TypeError('not an argon2id hash');
  const expected = Buffer.from(tag, 'base64');
  const actual = await new Promise<Buffer>((resolve, reject) => {
    argon2(
      'argon2id',
      {
        message: password,
        nonce: Buffer.from(salt, 'base64'),
        parallelism: Number(lanes),
        tagLength: expected.length,
        memory: Number(memory),
        passes: Number(passes),
      },
      (error, hash) => (error ? reject(error) : resolve(hash)),
    );
  });
  return timingSafeEqual(actual, expected);
};
