/** What `work` gives, or `late()` thrown when that takes longer; `work` goes on, and nobody hears of it. */
export const withinTime = async <Result>(
  work: Promise<Result>,
  timeoutMs: number,
  late: () => Error,
): Promise<Result> => {
  const { promise: isLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), timeoutMs);
  try {
    return await Promise.race([work, isLate]);
  } finally {
    clearTimeout(timer);
  }
};
