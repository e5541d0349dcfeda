/** The same seed kills the same parts in the same order after the same pauses. */
export const crashSeed = (usual: number): number => Number(process.env.SWITCHBOARD_CRASH_SEED ?? usual);

/** How often each part is killed: `SWITCHBOARD_CRASH_KILLS=20` is a run of an hour instead of a minute. */
export const killsOfEach = (usual: number): number => Number(process.env.SWITCHBOARD_CRASH_KILLS ?? usual);
