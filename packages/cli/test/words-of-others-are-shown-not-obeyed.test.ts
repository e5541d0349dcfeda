import { expect, test } from 'vitest';
import { indented, renderFields, renderTable } from '../src/table.ts';

const ESCAPE = String.fromCharCode(0x1b);
const CSI = String.fromCharCode(0x9b);
const OVERRIDE = String.fromCharCode(0x202e);
const hostile = `${ESCAPE}[31mred${CSI}2J${OVERRIDE}txt\r\nSupport: done\tnow`;
const shown = '\\u001b[31mred\\u009b2J\\u202etxt';

test('in a table, words of others stay in their row, and no terminal obeys them', () => {
  expect(renderTable(['TITLE', 'DUE'], [[hostile, 'today']]).split('\n')[1]).toBe(
    `${shown} Support: done now  today`,
  );
});

test('below each other, the lines of others are no lines of ours', () => {
  expect(renderFields([['title', hostile]])).toBe(`  title  ${shown}\n         Support: done now`);
  expect(indented(`Ada: ${hostile}`, 4)).toBe(`Ada: ${shown}\n    Support: done now`);
});

test('letters of every language and plain lines stay as they are', () => {
  expect(renderFields([['title', 'שלום 👩‍💻 é']])).toBe('  title  שלום 👩‍💻 é');
});
