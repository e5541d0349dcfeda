import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runCli } from '../src/index.ts';

const pages = ['README.md', 'CONTRIBUTING.md', 'docs/operating.md'];

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
    const errors: string[] = [];
    // With --help nothing is done, but what is unknown is still refused.
    const code = await runCli([...words, '--help'], {
      environment: { databaseUrl: undefined, natsUrl: undefined, webhookSecret: undefined },
      print: () => undefined,
      printError: (text) => void errors.push(text),
    });
    expect({ code, errors }).toEqual({ code: 0, errors: [] });
  },
);

test('the pages show the commands that operators need', () => {
  const shown = pages.flatMap(commandsOf).map(([group, verb]) => `${group} ${verb}`);
  for (const command of ['partner-keys create', 'partner-keys rotate', 'dead put-back', 'db migrate']) {
    expect(shown).toContain(command);
  }
});
