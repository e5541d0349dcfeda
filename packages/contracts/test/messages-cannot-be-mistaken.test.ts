import { expect, test } from 'vitest';
import { webhookEvents } from '../src/index.ts';

const { messagePublished } = webhookEvents;
const accepts = (message_id: string): boolean =>
  messagePublished.data.safeParse({ ...messagePublished.example, message_id }).success;

test('an id is visible ASCII without a dot: with one, another id and time would stand for the same signed bytes', () => {
  expect(['invoice_paid:7', 'a', '!', 'x'.repeat(200)].filter(accepts)).toHaveLength(4);
  // id 7.1700000000 at the time T signs as id 7 at the time 1700000000 does, whose body begins with T.
  expect(['7.1700000000', '.', '', 'a b', 'a\nb', 'é', 'x'.repeat(201)].filter(accepts)).toEqual([]);
});
