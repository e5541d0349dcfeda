import { expect, test } from 'vitest';
import { renderLogLine } from '../src/supervisor/log-line.ts';

test('a JSON log line becomes level, words and facts; everything else stays as it is', () => {
  const line = JSON.stringify({ level: 40, time: 1, pid: 2, msg: 'slow', requestId: 'r1', latencyMs: 12 });
  expect(renderLogLine(line)).toBe('WARN  slow requestId=r1 latencyMs=12');
  expect(renderLogLine('plain words')).toBe('plain words');
  expect(renderLogLine('{broken')).toBe('{broken');
  expect(renderLogLine('{"a":1}')).toBe('{"a":1}');
});

test('an error is shown with its stack, which is what whoever reads the log needs', () => {
  const line = JSON.stringify({
    level: 50,
    msg: 'failed',
    err: { message: 'no', stack: 'Error: no\n    at x' },
  });
  expect(renderLogLine(line)).toContain('err=no\nError: no\n    at x');
});

test('a request that went well takes one row of a terminal; one that did not is shown whole', () => {
  const entry = {
    level: 'info',
    requestId: 'r1',
    traceId: 't1',
    principalId: 'p1',
    method: 'GET',
    route: '/calls',
    status: 200,
    latencyMs: 3.402,
    msg: 'request',
  };
  expect(renderLogLine(JSON.stringify(entry))).toBe('INFO  GET /calls 200 in 3 ms trace=t1');
  const failed = renderLogLine(JSON.stringify({ ...entry, level: 'error', status: 500 }));
  expect(failed).toContain('requestId=r1');
  expect(failed).toContain('status=500');
});
