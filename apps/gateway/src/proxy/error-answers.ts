import type { Dialect } from '@switchboard/contracts';

/** An error answer larger than this is none of ours. */
export const ERROR_BYTES_MAX = 64 * 1024;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const codeIn = (dialect: Dialect, body: Record<string, unknown>): unknown => {
  switch (dialect) {
    case 'partner':
    case 'calls':
      return isObject(body.error) ? body.error.code : undefined;
    case 'functions':
    case 'problem':
      return body.code;
    case 'studio':
    case 'tickets':
    case 'device':
      return body.error;
    case 'auth':
      return body.error_code;
  }
};

/** The code in the body of an error answer, as its dialect words it. */
export const codeOfBody = (dialect: Dialect, body: Record<string, unknown>): string | null => {
  const code = codeIn(dialect, body);
  return typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_]*$/.test(code) ? code : null;
};

/**
 * The code of an error answer in a dialect; null when the body is not one: a stack trace, a proxy's page, a framework's
 * own words. Those do not leave.
 */
export const readErrorCode = (dialect: Dialect, contentType: string, bytes: Buffer): string | null => {
  if (!/^application\/(problem\+)?json\b/i.test(contentType)) return null;
  try {
    const body: unknown = JSON.parse(bytes.toString());
    return isObject(body) ? codeOfBody(dialect, body) : null;
  } catch {
    return null;
  }
};
