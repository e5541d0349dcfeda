import { streamOf } from '@switchboard/bus';
import { type EventContract, eventSubject, type StreamContract } from '@switchboard/contracts';

/** The one filter that lets all subjects through: the tokens they share, `*` where they differ. */
export const commonFilter = (subjects: readonly string[]): string => {
  const [first, ...others] = subjects.map((subject) => subject.split('.'));
  if (!first) throw new TypeError('A consumer needs at least one event');
  const tokens: string[] = [];
  for (const [index, token] of first.entries()) {
    if (others.some((other) => other.length <= index || other.length !== first.length)) {
      // Of different lengths: everything below what they share.
      const shared = first.findIndex((each, at) => others.some((other) => other[at] !== each));
      return [...first.slice(0, Math.max(1, shared === -1 ? first.length - 1 : shared)), '>'].join('.');
    }
    tokens.push(others.every((other) => other[index] === token) ? token : '*');
  }
  if (tokens[0] === '*')
    throw new TypeError(`One consumer takes events of one domain, not ${subjects.join(', ')}`);
  return tokens.join('.');
};

/** The subject, filter and stream of a consumer of these events. */
export const routeOf = (
  events: readonly EventContract[],
  partition: string | undefined,
): {
  readonly stream: StreamContract;
  readonly filterSubject: string;
  readonly subjects: readonly string[];
} => {
  const subjects = events.map((event) => eventSubject(event, event.partitioned ? partition : undefined));
  const filterSubject = commonFilter(subjects);
  const stream = streamOf(filterSubject);
  if (!stream)
    throw new TypeError(`No stream keeps ${filterSubject}: declare its event in packages/contracts`);
  return { stream, filterSubject, subjects };
};
