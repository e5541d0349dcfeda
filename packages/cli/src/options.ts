import { type Permissions, partnerPermissions } from '@switchboard/contracts';
import { type Io, type Options, readWholeNumber, textOption, UsageError } from './command.ts';

/** Options that several commands share, in the words of an operator. */

const DAY_MS = 86_400_000;

/** Words divided by commas. */
export const readList = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** Undefined where the option was not given. */
export const numberOption = (options: Options, name: string): number | undefined => {
  const text = textOption(options, name);
  return text === undefined ? undefined : readWholeNumber(text, `--${name}`, 1);
};

/** `--expires-in-days <n>|never`: null is never, undefined where it was not given. */
export const readExpiryDays = (options: Options): number | null | undefined => {
  const text = textOption(options, 'expires-in-days');
  return text === 'never' ? null : numberOption(options, 'expires-in-days');
};

/** The same as a time. */
export const readExpiry = (options: Options, io: Io): string | null | undefined => {
  const days = readExpiryDays(options);
  if (days === undefined || days === null) return days;
  const at = new Date(io.now().getTime() + days * DAY_MS);
  if (Number.isNaN(at.getTime())) throw new UsageError('--expires-in-days is too far away.');
  return at.toISOString();
};

/** `--allowed-ips a,b/8|any`. */
export const readAllowedIps = (options: Options): string[] | undefined => {
  const text = textOption(options, 'allowed-ips');
  if (text === undefined) return undefined;
  return text === 'any' ? [] : readList(text);
};

/** `--permissions all|a,b`. */
export const readPermissions = (options: Options): Permissions | undefined => {
  const text = textOption(options, 'permissions');
  if (text === undefined) return undefined;
  if (text === 'all') return { all: true };
  const words = readList(text);
  const known = words.flatMap((word) => partnerPermissions.find((permission) => permission === word) ?? []);
  if (known.length !== words.length || words.length === 0) {
    throw new UsageError(`--permissions takes all, or some of ${partnerPermissions.join(', ')}.`);
  }
  return known;
};

const SECONDS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
]);

/** `30m` in seconds; undefined where it is not written so. */
export const readDuration = (text: string): number | undefined => {
  const [, amount = '', unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const seconds = SECONDS.get(unit);
  return seconds === undefined ? undefined : Number(amount) * seconds;
};

export const OVERLAP_HELP = '--overlap 30m|24h|7d|0   how long the old secret still works; 0 ends it now';

/** `--overlap 30m|24h|7d|0` in seconds; undefined where it was not given. */
export const readOverlap = (options: Options): number | undefined => {
  const text = textOption(options, 'overlap');
  if (text === undefined) return undefined;
  const seconds = text === '0' ? 0 : readDuration(text);
  if (seconds === undefined) throw new UsageError('--overlap must be like 30m, 24h, 7d, or 0 for none.');
  return seconds;
};

/** `--enable` or `--disable`; undefined where neither was given. */
export const readActive = (options: Options): boolean | undefined => {
  if (options.enable && options.disable) throw new UsageError('Either --enable or --disable, not both.');
  if (options.enable) return true;
  return options.disable ? false : undefined;
};

export const SINCE_HELP = '--since 24h|30d|<time>   from when on';

/** `--since 30d` or a time, as a time; so for options of other names. */
export const readSince = (options: Options, io: Io, name = 'since'): string | undefined => {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const seconds = readDuration(text);
  const at = seconds === undefined ? new Date(text) : new Date(io.now().getTime() - seconds * 1000);
  if (Number.isNaN(at.getTime())) {
    throw new UsageError(`--${name} must be like 24h or 30d, or a time such as 2025-01-31T00:00:00Z.`);
  }
  return at.toISOString();
};
