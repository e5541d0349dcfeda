import { text } from 'node:stream/consumers';

const ENTER = /[\r\n]/;
const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';
const ERASE = new Set(['\u007f', '\b']);

export const readInput = (): Promise<string> => text(process.stdin);

/** Asks on the terminal without showing what is typed; on standard error, so that the answer can be piped. */
export const askSecret = async (question: string): Promise<string | null> => {
  const { stdin } = process;
  if (!stdin.isTTY) return null;
  process.stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    let typed = '';
    for await (const chunk of stdin) {
      for (const character of String(chunk)) {
        if (character === INTERRUPT) throw new Interrupted();
        if (ENTER.test(character) || character === END_OF_INPUT) return typed;
        if (ERASE.has(character)) typed = typed.slice(0, -1);
        else typed += character;
      }
    }
    return typed;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.exitCode = 130;
    process.exit();
  } finally {
    stdin.setRawMode(false);
    process.stderr.write('\n');
  }
};

class Interrupted extends Error {}
