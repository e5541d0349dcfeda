/** The outcome of a test run in three numbers. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** The part we use of what vitest's `json` reporter writes. */
interface VitestResults {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

/**
 * Counts a run. What never became a test counts as failed too, so that the line can never look better than the run:
 * a file that could not be loaded, a process a test left behind, a run that ended badly without a failed test.
 */
export function totalsOf(resultsJson: string, exitCode: number, leaked: number): Totals {
  const results = parse(resultsJson);
  if (!results) return { passed: 0, failed: 1 + leaked, skipped: 0 };
  const unloaded = results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  const failed = results.numFailedTests + unloaded + leaked;
  return {
    passed: results.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/** The closing line: `N passed, N failed`, and `, N skipped` when some were. */
export function renderTotals(totals: Totals): string {
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  return `${totals.passed} passed, ${totals.failed} failed${skipped}`;
}

function parse(text: string): VitestResults | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
