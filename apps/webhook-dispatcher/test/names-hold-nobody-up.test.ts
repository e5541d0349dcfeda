import { expect, test } from 'vitest';
import { createTargetResolver } from '../src/domain/sending/resolve-name.ts';

test('names that no name server knows come from the system, two at a time', async () => {
  let running = 0;
  let most = 0;
  const resolve = createTargetResolver({
    system: async (hostname) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((done) => setImmediate(done));
      running -= 1;
      if (hostname.startsWith('bad')) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
      return ['127.0.0.1'];
    },
  });
  const names = Array.from({ length: 10 }, (_, index) => `${index % 2 ? 'bad' : 'good'}-${index}.invalid`);
  const answers = await Promise.allSettled(names.map((name) => resolve(name)));
  expect(answers.map((answer) => answer.status)).toEqual(
    names.map((name) => (name.startsWith('bad') ? 'rejected' : 'fulfilled')),
  );
  expect(most).toBeLessThanOrEqual(2);
});

test('localhost is found as ever', async () => {
  expect((await createTargetResolver()('localhost')).length).toBeGreaterThan(0);
});
