import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createCli } from './support/cli.ts';

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'docs/operating.md'],
  ...['docs/sending-webhooks.md', 'docs/receiving-webhooks.md', 'examples/webhooks/README.md'],
  ...['docs/calls.md', 'examples/calls/README.md'],
];

/** `npx switchboard …` in code of a page, without its comment, in words as a shell makes them. */
const commandsOf = (page: string): string[][] => {
  const text = readFileSync(new URL(`../../../${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/npx switchboard ([^`\n#…]+)/g)].map(([, words = '']) =>
    [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? ''),
  );
};

test.each(pages.flatMap((page) => commandsOf(page).map((words) => ({ page, words }))))(
  '$page: switchboard $words is a command with these options',
  async ({ words }) => {
    // With --help nothing is done, but what is unknown is still refused.
    const { code, err } = await createCli({})([...words, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  },
);

test('the pages show the commands that operators need', () => {
  const shown = pages.flatMap(commandsOf).map((words) => words.join(' '));
  for (const command of [
    ...['users create', 'partner-keys create', 'partner-keys rotate', 'api-keys create', 'tokens create'],
    ...['audit list', 'dead put-back', 'db migrate', 'webhooks replay', 'webhooks endpoints enable'],
  ]) {
    expect(
      shown.some((words) => `${words} `.startsWith(`${command} `)),
      command,
    ).toBe(true);
  }
});
