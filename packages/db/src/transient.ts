// SQLSTATE classes: 08 connection, 28 login refused (a password that is being changed, a server that is being moved), 53
// out of resources, 57P0x server going down or starting, 58 its machine, and single states.
const TRANSIENT_STATE = /^(08|28|53|58)...$|^57P0[1-5]$|^(3D000|40001|40P01|55P03|57014|25P03|25006)$/;
const TRANSIENT_SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  // This process, or its machine, has no descriptors, ports or buffers left for a connection.
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
]);
const TRANSIENT_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|not queryable|Client has encountered a connection error|after calling end on the pool|driver has already been destroyed|Query read timeout/i;

const isDatabaseFault = (error: Error): boolean =>
  'severity' in error || 'syscall' in error || !('code' in error);

/**
 * True for faults that pass by themselves: Postgres is away, starting, overloaded, or two transactions met. Work
 * that failed so is tried again; it says nothing about the work.
 */
export const isTransientDatabaseError = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isTransientDatabaseError);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  if (isDatabaseFault(error)) {
    if (TRANSIENT_STATE.test(code) && 'severity' in error) return true;
    // The connection was refused or ended, for whatever reason: a database that takes nobody while it is moved is 55000, which
    // of a statement is a fault.
    if ('severity' in error && error.severity === 'FATAL') return true;
    if (TRANSIENT_SYSTEM_CODES.has(code) && 'syscall' in error) return true;
    if (TRANSIENT_MESSAGE.test(error.message)) return true;
  }
  return error.cause !== undefined && isTransientDatabaseError(error.cause);
};

/** Serialization failure or deadlock: the same transaction, run again, is likely to succeed. */
export const isRetryableTransactionError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '40001' || error.code === '40P01');
