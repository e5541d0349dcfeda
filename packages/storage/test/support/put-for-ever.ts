import { createLocalStorage } from '../../src/create-local-storage.ts';

/** A process to be killed: writes one object over and over, each time all of one byte. */
const storage = createLocalStorage({ directory: process.argv[2] ?? '' });
const bytes = Buffer.alloc(8 * 1024 * 1024);
for (let turn = 1; process.connected; turn += 1) {
  await storage.put('files/one', bytes.fill(turn % 256), { contentType: 'text/plain' });
  process.send?.(turn);
}
