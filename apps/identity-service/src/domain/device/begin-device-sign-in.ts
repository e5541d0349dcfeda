import { randomBytes } from 'node:crypto';
import type { Caller } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { sha256Hex } from '../tokens/secrets.ts';
import { insertDeviceAuthorization } from './device-repository.ts';
import { hashUserCode, makeUserCode } from './user-code.ts';

const EXPIRES_SECONDS = 900;
const INTERVAL_SECONDS = 5;
const TRIES_MAX = 5;

export interface DeviceCodes {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly expiresSeconds: number;
  readonly intervalSeconds: number;
}

/** RFC 8628, 3.2: a code that the device polls with, and a short one that somebody types. */
export const beginDeviceSignIn = async (
  { data, secrets }: Pick<Deps, 'data' | 'secrets'>,
  input: {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly scope: string | null;
    readonly caller: Caller;
  },
): Promise<DeviceCodes> => {
  const deviceCode = randomBytes(32).toString('base64url');
  const at = data.clock.now();
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const userCode = makeUserCode();
    const [userCodeHash = ''] = hashUserCode(secrets, userCode);
    const isFree = await insertDeviceAuthorization(data.db, {
      ...input,
      ...input.caller,
      id: data.ids.next(),
      deviceCodeHash: sha256Hex(deviceCode),
      userCodeHash,
      intervalSeconds: INTERVAL_SECONDS,
      at,
      expiresAt: new Date(at.getTime() + EXPIRES_SECONDS * 1000),
    });
    if (isFree) {
      return { deviceCode, userCode, expiresSeconds: EXPIRES_SECONDS, intervalSeconds: INTERVAL_SECONDS };
    }
  }
  throw new Error('every user code that was drawn is in use');
};
