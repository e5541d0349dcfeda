import { expect, test } from 'vitest';
import { errors } from '../src/index.ts';

test.each([errors.invalidInput, errors.invalidParameter])(
  'of many faults the first are told, and of long names their beginning',
  (make) => {
    const faults = Array.from({ length: 100_000 }, (_, index) => ({
      field: `${index}.${'x'.repeat(1_000)}`,
      message: 'must be a string',
    }));
    const { message, details } = make(faults);
    expect(details?.fields).toHaveLength(50);
    expect(details?.fields?.[49]?.field).toMatch(/^49\.x{197}…$/);
    // The gateway passes on an error of 64 kB at most.
    expect(message.length + JSON.stringify(details).length).toBeLessThan(32_000);
  },
);
