const KEY = /^[a-z0-9][a-z0-9_-]*(?:\/[a-z0-9][a-z0-9_-]*)*$/;
const KEY_CHARACTERS_MAX = 200;

/**
 * Keys are chosen by us; one that is not as they are made is a fault of ours, and nothing that a file system or a URL
 * could read as something else. Throws TypeError.
 */
export const checkKey = (key: string): void => {
  if (key.length > KEY_CHARACTERS_MAX || !KEY.test(key)) {
    throw new TypeError(`not a key of storage: ${JSON.stringify(key.slice(0, KEY_CHARACTERS_MAX))}`);
  }
};
