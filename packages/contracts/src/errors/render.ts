import { STATUS_CODES } from 'node:http';
import type { AppError } from './app-error.ts';

/** How each surface words its errors (spec: common contract, "Errors"). */
export const dialects = [
  'functions',
  'calls',
  'studio',
  'tickets',
  'partner',
  'auth',
  'device',
  'problem',
] as const;
export type Dialect = (typeof dialects)[number];

/** Codes that a surface's guide names differently from the catalogue. */
const renamed: Partial<Record<Dialect, Partial<Record<AppError['code'], string>>>> = {
  calls: {
    INVALID_INPUT: 'INVALID_REQUEST',
    INVALID_PARAMETER: 'INVALID_REQUEST',
    INVALID_JSON: 'INVALID_REQUEST',
    MISSING_CREDENTIAL: 'UNAUTHORIZED',
    INVALID_CREDENTIAL: 'UNAUTHORIZED',
    // The guide has one code for all that is wrong with credentials; the message says which kind to send.
    WRONG_CREDENTIAL_KIND: 'UNAUTHORIZED',
    BAD_GATEWAY: 'CONNECTION_ERROR',
  },
  tickets: {
    INVALID_INPUT: 'invalid_field',
    INVALID_PARAMETER: 'invalid_field',
    MISSING_CREDENTIAL: 'missing_token',
    INVALID_CREDENTIAL: 'invalid_token',
    TICKET_NOT_FOUND: 'not_found',
    ATTACHMENT_NOT_FOUND: 'not_found',
    ENDPOINT_NOT_FOUND: 'not_found',
  },
  // Supabase Auth's own codes, which its clients know.
  auth: {
    INVALID_INPUT: 'VALIDATION_FAILED',
    INVALID_PARAMETER: 'VALIDATION_FAILED',
    INVALID_JSON: 'BAD_JSON',
    MISSING_CREDENTIAL: 'NO_AUTHORIZATION',
    WRONG_CREDENTIAL_KIND: 'NO_AUTHORIZATION',
    INVALID_CREDENTIAL: 'BAD_JWT',
    PROVIDER_DISABLED: 'VALIDATION_FAILED',
    RATE_LIMIT_EXCEEDED: 'OVER_REQUEST_RATE_LIMIT',
    INTERNAL_ERROR: 'UNEXPECTED_FAILURE',
  },
  // RFC 6749, 5.2.
  device: {
    INVALID_INPUT: 'INVALID_REQUEST',
    INVALID_PARAMETER: 'INVALID_REQUEST',
    INVALID_JSON: 'INVALID_REQUEST',
    INTERNAL_ERROR: 'SERVER_ERROR',
    SERVICE_UNAVAILABLE: 'TEMPORARILY_UNAVAILABLE',
  },
  partner: {
    INVALID_JSON: 'INVALID_INPUT',
    MISSING_CREDENTIAL: 'UNAUTHORIZED',
    INVALID_CREDENTIAL: 'UNAUTHORIZED',
  },
};

/** A code of the catalogue in the words of a dialect. */
export const errorCodeIn = (dialect: Dialect, code: AppError['code']): string =>
  renamed[dialect]?.[code] ?? code;

const words = (error: AppError): string | undefined =>
  error.details?.fields?.map((fault) => `${fault.field}: ${fault.message}`).join('; ');

/** The tickets guide tells what is missing from what is wrong. */
const ticketsCode = (error: AppError, code: string): string =>
  error.code === 'INVALID_INPUT' && error.details?.fields?.some(({ message }) => message === 'is required')
    ? 'missing_required_field'
    : code.toLowerCase();

/**
 * The body of an error answer in a surface's dialect.
 *
 * @param at when the answer is made; only the partner dialect shows it
 */
export const renderError = (dialect: Dialect, error: AppError, at: Date): Record<string, unknown> => {
  const code = errorCodeIn(dialect, error.code);
  const details = error.details ?? {};
  const inWords = words(error);
  switch (dialect) {
    case 'functions':
      return { success: false, error: error.message, ...(inWords ? { details: inWords } : {}), code };
    case 'calls':
      return { success: false, error: { code, message: error.message, details } };
    case 'studio':
      return { error: code, message: error.message, code: error.status, details };
    case 'device':
      return {
        error: code.toLowerCase(),
        error_description: error.message,
        message: error.message,
        code: error.status,
        details,
      };
    case 'tickets':
      return {
        error: ticketsCode(error, code),
        message: error.message,
        ...(inWords ? { details: inWords } : {}),
      };
    case 'partner':
      return { error: { code, message: error.message, details, timestamp: at.toISOString() } };
    case 'auth':
      return {
        code: error.status,
        error_code: code.toLowerCase(),
        msg: error.message,
        // What supabase-js makes an AuthWeakPasswordError of.
        ...(error.code === 'WEAK_PASSWORD' ? { weak_password: { reasons: details.reasons ?? [] } } : {}),
      };
    case 'problem':
      // RFC 9457, 4.2.1: with "about:blank" the title is the phrase of the status; `code` is our extension member.
      return {
        type: 'about:blank',
        title: STATUS_CODES[error.status],
        status: error.status,
        detail: error.message,
        code,
        ...details,
      };
  }
};

/** The media type of an error answer in a dialect. */
export const errorContentType = (dialect: Dialect): string =>
  dialect === 'problem' ? 'application/problem+json' : 'application/json; charset=utf-8';

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** What an error page of ours may load and do: nothing but its own style. */
export const ERROR_PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** An error of a route that people look at in a browser, as a page. */
export const renderErrorPage = (error: AppError): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(error.message)}</title>
<style>
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 1.5rem; }
main { max-width: 32rem; margin: 10vh auto 0; }
h1 { font-size: 1.375rem; line-height: 1.3; }
</style>
</head>
<body>
<main>
<h1 role="alert">${escapeHtml(error.message)}</h1>
<p>Go back and try again${error.status === 429 ? ' in a minute' : ''}.</p>
</main>
</body>
</html>
`;
