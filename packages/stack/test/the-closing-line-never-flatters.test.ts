import { expect, test } from 'vitest';
import { renderTotals, totalsOf } from '../src/test-run/totals.ts';

const results = (overrides: object) =>
  JSON.stringify({
    numPassedTests: 5,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...overrides,
  });

test('a clean run is counted as it is', () => {
  expect(renderTotals(totalsOf(results({}), 0, 0))).toBe('5 passed, 0 failed');
  expect(renderTotals(totalsOf(results({ numFailedTests: 2, numPendingTests: 1 }), 1, 0))).toBe(
    '5 passed, 2 failed, 1 skipped',
  );
});

test('a file that could not be loaded is a failure though it holds no test', () => {
  const testResults = [{ status: 'failed', assertionResults: [] }];
  expect(renderTotals(totalsOf(results({ testResults }), 1, 0))).toBe('5 passed, 1 failed');
});

test('a leaked process, a bad end and a missing report are failures', () => {
  expect(totalsOf(results({}), 0, 1).failed).toBe(1);
  expect(totalsOf(results({}), 1, 0).failed).toBe(1);
  expect(totalsOf('', 1, 0).failed).toBe(1);
});
