import { AppError } from '@switchboard/contracts';
import type { Executor } from '../database.ts';
import { findKeyById, type KeyRecord, lockKey } from './key-repository.ts';

/** @throws KEY_NOT_FOUND */
export const requireKey = async (executor: Executor, keyId: string): Promise<KeyRecord> => {
  const key = await findKeyById(executor, keyId);
  if (!key) throw new AppError('KEY_NOT_FOUND');
  return key;
};

/** Takes a key that may still be changed. @throws KEY_NOT_FOUND, KEY_REVOKED */
export const lockChangeableKey = async (executor: Executor, keyId: string): Promise<KeyRecord> => {
  const key = await lockKey(executor, keyId);
  if (!key) throw new AppError('KEY_NOT_FOUND');
  if (key.revokedAt !== null) throw new AppError('KEY_REVOKED');
  return key;
};
