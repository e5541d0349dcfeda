import { expect, test } from 'vitest';
import { configDocs, readConfigDoc } from '../scripts/config-docs.ts';

test.each(Object.entries(configDocs()))(
  '%s says every setting of every app (npm run specs writes it)',
  async (name, text) => {
    expect(await readConfigDoc(name)).toBe(text);
  },
);
