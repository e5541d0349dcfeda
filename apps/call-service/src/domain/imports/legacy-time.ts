const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?))?\s*(z|utc|[+-]\d{2}(?::?\d{2})?)?$/i;
const EPOCH = /^\d{1,13}(?:\.\d{1,9})?$/;
/** Seconds before this are times up to the year 5138; milliseconds from it on begin in 1973. */
const EPOCH_MS_MIN = 1e11;

const offsetOf = (zone: string): string => {
  if (/^(z|utc)?$/i.test(zone)) return 'Z';
  const [, sign = '+', hours = '00', minutes = '00'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  return `${sign}${hours}:${minutes}`;
};

/**
 * A time as old deployments wrote them: `2024-01-20 10:00:00` (UTC where no offset is named), ISO 8601, or seconds or
 * milliseconds since 1970. Null for what is none.
 */
export const readLegacyTime = (text: string): Date | null => {
  const value = text.trim();
  if (EPOCH.test(value)) {
    const number = Number(value);
    return new Date(Math.floor(number >= EPOCH_MS_MIN ? number : number * 1000));
  }
  const [, day, time = '00:00', zone = ''] = TIME.exec(value) ?? [];
  if (day === undefined) return null;
  // JavaScript takes the 30th of February for the 1st of March.
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return null;
  const at = new Date(`${day}T${time.replace(',', '.')}${offsetOf(zone)}`);
  return Number.isNaN(at.getTime()) ? null : at;
};
