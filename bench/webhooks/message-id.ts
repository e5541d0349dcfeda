/** The clock that all processes of this machine share, in microseconds. */
export const microseconds = (): number => Number(process.hrtime.bigint() / 1000n);

let made = 0;

/** A message id that tells when it was made, so that whoever receives it knows how long it took. */
export const makeMessageId = (): string => {
  made += 1;
  return `sent-${microseconds()}-${process.pid}-${made}`;
};

/** In microseconds of the clock of this machine. */
export const readSentAt = (id: string): number => Number(id.split('-')[1] ?? 0);
