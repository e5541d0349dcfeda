import type { Storage } from './storage.ts';

/** What went wrong: `missing` is a key that was read and has no object. */
export type StorageFault = 'put' | 'get' | 'delete' | 'missing';

/** The same storage; `count` hears of each fault, as metrics do. */
export const countFaults = (storage: Storage, count: (fault: StorageFault) => void): Storage => {
  const counted = async <Result>(fault: StorageFault, work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (error) {
      count(fault);
      throw error;
    }
  };
  return {
    put: (key, bytes, options) => counted('put', storage.put(key, bytes, options)),
    async get(key) {
      const object = await counted('get', storage.get(key));
      if (object === null) count('missing');
      return object;
    },
    delete: (key) => counted('delete', storage.delete(key)),
    check: () => storage.check(),
  };
};
