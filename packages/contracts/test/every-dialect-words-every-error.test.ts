import { describe, expect, test } from 'vitest';
import {
  AppError,
  dialects,
  type ErrorCode,
  errorCatalogue,
  errorContentType,
  errors,
  renderError,
  toAppError,
} from '../src/index.ts';
import { dialectSchemas } from '../src/specs/dialect-schemas.ts';

const AT = new Date('2024-12-15T10:30:00.000Z');
const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe.each(dialects)('dialect %s', (dialect) => {
  test.each(codes)('words %s in the shape its clients parse', (code) => {
    const body = renderError(dialect, new AppError(code), AT);
    expect(dialectSchemas[dialect].safeParse(body)).toMatchObject({ success: true });
  });

  test('names every faulty field', () => {
    const error = errors.invalidInput([
      { field: 'name', message: 'must not be empty' },
      { field: 'email', message: 'must be an e-mail address' },
    ]);
    const text = JSON.stringify(renderError(dialect, error, AT));
    expect(text).toContain('name');
    expect(text).toContain('email');
  });

  test('says nothing of an error that was not meant for callers', () => {
    const leak = new Error('relation "partner.secret_table" at /srv/app.ts:12');
    expect(JSON.stringify(renderError(dialect, toAppError(leak), AT))).not.toMatch(/secret_table|srv/);
  });
});

test('the partner dialect is the one of its guide', () => {
  expect(renderError('partner', new AppError('MISSING_CREDENTIAL'), AT)).toEqual({
    error: {
      code: 'UNAUTHORIZED',
      message: errorCatalogue.MISSING_CREDENTIAL.message,
      details: {},
      timestamp: '2024-12-15T10:30:00.000Z',
    },
  });
});

test('problems have the media type of RFC 9457', () => {
  expect(errorContentType('problem')).toBe('application/problem+json');
  expect(errorContentType('partner')).toMatch(/^application\/json/);
});

test('a problem has the phrase of its status as title, and its own words as detail', () => {
  expect(renderError('problem', errors.insufficientRole(['admin']), AT)).toEqual({
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
    detail: 'This needs the role admin',
    code: 'INSUFFICIENT_ROLE',
    accepted: ['admin'],
  });
});

test('a limit that was hit says when to come back', () => {
  expect(errors.rateLimited(17, 1000).headers).toEqual({ 'retry-after': '17' });
});
