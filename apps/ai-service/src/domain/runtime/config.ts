/**
 * The environment of the programs that we start: enough to find them and their libraries, nothing of ours. What decodes
 * strangers' files shall not hold our secrets.
 */
export const programEnvironment = (): NodeJS.ProcessEnv => {
  const { PATH, LD_LIBRARY_PATH, DYLD_LIBRARY_PATH } = process.env;
  return { PATH, LD_LIBRARY_PATH, DYLD_LIBRARY_PATH };
};
