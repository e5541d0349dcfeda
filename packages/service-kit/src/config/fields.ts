import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** What an operator may write in an environment variable, as text, and what the program gets. */

const parsed = <Value>(wants: string, parse: (text: string) => Value | undefined) =>
  z.string(`must be ${wants}`).transform((text, ctx): Value => {
    const value = parse(text.trim());
    if (value !== undefined) return value;
    ctx.addIssue({ code: 'custom', message: `must be ${wants}` });
    return z.NEVER;
  });

const WORDS: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };

export const booleanField = () => parsed('true, false, 1 or 0', (text) => WORDS[text.toLowerCase()]);

export const numberField = (range: { min?: number; max?: number; whole?: boolean; unit?: string } = {}) => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, whole = true, unit } = range;
  const kind = whole ? 'a whole number' : 'a number';
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return parsed(`${kind}${unit ? ` of ${unit}` : ''} ${bounds}`, (text) => {
    if (!/^-?\d+(\.\d+)?$/.test(text)) return undefined;
    const value = Number(text);
    return value < min || value > max || (whole && !Number.isInteger(value)) ? undefined : value;
  });
};

/** A TCP port; 0 lets the system choose one. */
export const portField = () => numberField({ min: 0, max: 65_535 });

export const secondsField = (range: { min?: number; max?: number } = {}) =>
  numberField({ whole: false, unit: 'seconds', ...range });

export const textField = () =>
  parsed('text that is not empty', (text) => (text.length > 0 ? text : undefined));

export const oneOfField = <const Choices extends readonly [string, ...string[]]>(choices: Choices) =>
  z.enum(choices, `must be one of ${choices.join(', ')}`);

/** An absolute URL of one of the given schemes, as text without a trailing slash. */
export const urlField = (schemes: readonly string[] = ['http', 'https']) =>
  parsed(`a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`, (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url?.hostname || !schemes.includes(url.protocol.slice(0, -1))) return undefined;
    return text.replace(/\/+$/, '');
  });

export const secretField = (charactersMin = 32) =>
  parsed(`at least ${charactersMin} characters (make one with: openssl rand -base64 48)`, (text) =>
    text.length >= charactersMin ? text : undefined,
  );

/** Words divided by commas; empty ones are left out. */
export const listField = () =>
  z.string().transform((text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word.length > 0),
  );

const isCidr = (word: string): boolean => {
  const [address = '', prefix, ...rest] = word.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
};

/** Addresses and CIDR ranges divided by commas, IPv4 or IPv6. */
export const cidrListField = () =>
  parsed('addresses or CIDR ranges divided by commas (10.0.0.0/8, ::1)', (text) => {
    const words = text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word.length > 0);
    return words.every(isCidr) ? words : undefined;
  });

/** A list of `cidrListField` as something that can be asked. */
export const toBlockList = (cidrs: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
};
