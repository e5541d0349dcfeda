/** The same cases at every run, unless somebody looks for new ones: FAST_CHECK_SEED=$RANDOM. */
const seed = Number(process.env.FAST_CHECK_SEED ?? 20_261_125);

/** Settings of a property test of fast-check; says which seed draws its cases. */
export const drawn = (numRuns: number): { seed: number; numRuns: number } => {
  console.info(`fast-check: ${numRuns} cases drawn from FAST_CHECK_SEED=${seed}`);
  return { seed, numRuns };
};
