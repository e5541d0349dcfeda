import { createHash } from 'node:crypto';
import { importedCallSchema } from '@switchboard/contracts';
import { faultMessage, toFieldFaults } from '@switchboard/service-kit';
import { z } from 'zod';
import type { StoredFrame } from '../calls/frames.ts';
import { readLegacyTime } from './legacy-time.ts';
import { type Outcome, readActionStatus, readCallType, readOutcome } from './legacy-words.ts';

/** A call of an earlier deployment as it is kept here. */
export interface ImportedCall extends Outcome {
  readonly id: string;
  readonly name: string;
  readonly phone: string;
  readonly callType: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly durationSeconds: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly frames: readonly Pick<StoredFrame, 'type' | 'sequence' | 'data' | 'at'>[];
}

/** Why a row is refused, in words that name the field. */
class RowFault extends Error {}

const uuid = z.uuid();

/** UUID v5 (RFC 9562) of a name within a namespace: the same wherever and whenever it is made. */
const uuidV5 = (namespace: string, name: string): string => {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  const bytes = hash.subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};

const CLOCKS_DIFFER_MS = 86_400_000;

const readTime = (field: string, text: string, now: Date): Date => {
  const at = readLegacyTime(text);
  if (at === null) throw new RowFault(`${field}: must be a time such as 2024-01-20 10:00:00`);
  if (at.getTime() < 0 || at.getTime() > now.getTime() + CLOCKS_DIFFER_MS) {
    throw new RowFault(`${field}: must be after 1970 and not in the future`);
  }
  return at;
};

const FIELD_CHARACTERS_MAX = 200;

/** The first of some fields that has words. */
const wordsOf = (record: Readonly<Record<string, unknown>>, names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = record[name];
    if (typeof value === 'string' && value.trim() !== '')
      return value.trim().slice(0, FIELD_CHARACTERS_MAX).toWellFormed();
    if (typeof value === 'number') return String(value);
  }
  return undefined;
};

type Actions = z.output<typeof importedCallSchema>['actions'];

const readActions = (actions: Actions, startedAt: Date, now: Date): ImportedCall['frames'] => {
  const read = actions.map((record, index) => {
    const field = `actions.${index}`;
    const type = wordsOf(record, ['type', 'action', 'name', 'event']);
    if (type === undefined) throw new RowFault(`${field}: has no type`);
    const time = wordsOf(record, ['timestamp', 'time', 'at', 'createdAt', 'created_at']);
    const dtmfDigit = wordsOf(record, ['dtmfDigit', 'dtmf_digit', 'digit', 'digits']);
    const target = wordsOf(record, ['target', 'to', 'destination']);
    return {
      at: time === undefined ? startedAt : readTime(`${field}.timestamp`, time, now),
      data: {
        action: type,
        status: readActionStatus(record.status ?? record.success),
        ...(dtmfDigit === undefined ? {} : { dtmfDigit }),
        ...(target === undefined ? {} : { target }),
      },
    };
  });
  return read
    .sort((one, other) => one.at.getTime() - other.at.getTime())
    .map((action, index) => ({ type: 'call.action', sequence: index + 1, ...action }));
};

const readEnd = (call: z.output<typeof importedCallSchema>, startedAt: Date, now: Date): Date => {
  if (call.endTime) {
    const endedAt = readTime('endTime', call.endTime, now);
    if (endedAt < startedAt) throw new RowFault('endTime: must not be before startTime');
    return endedAt;
  }
  const endedAt = new Date(startedAt.getTime() + Math.floor((call.duration ?? 0) * 1000));
  if (Number.isNaN(endedAt.getTime()) || endedAt.getTime() > now.getTime() + CLOCKS_DIFFER_MS) {
    throw new RowFault('duration: ends in the future');
  }
  return endedAt;
};

/** A telephone number without what only people need; anything else as it is. */
const readPhone = (text: string): string => {
  const bare = text.replace(/[\s().\-‐-―[\]/]/g, '');
  return /^\+?\d+$/.test(bare) ? bare : text.trim();
};

const read = (accountId: string, value: unknown, now: Date): ImportedCall => {
  const parsed = importedCallSchema.safeParse(value, { error: faultMessage, reportInput: true });
  if (!parsed.success) {
    const faults = toFieldFaults(parsed.error, 'call').slice(0, 5);
    throw new RowFault(faults.map(({ field, message }) => `${field.slice(0, 100)}: ${message}`).join('; '));
  }
  const call = parsed.data;
  const callType = readCallType(call.callType);
  if (callType === undefined) throw new RowFault('callType: must be inbound, outbound, audio or video');
  const outcome = readOutcome(call.status ?? '');
  if (outcome === undefined) {
    throw new RowFault('status: is not known: say ended, failed, busy, no_answer, rejected or unreachable');
  }
  const startedAt = readTime('startTime', call.startTime, now);
  const endedAt = readEnd(call, startedAt, now);
  const isOurs = uuid.safeParse(call.callId).success;
  const status = call.status?.trim() ?? '';
  return {
    id: isOurs ? call.callId.toLowerCase() : uuidV5(accountId, call.callId),
    name: call.customerName.trim(),
    phone: readPhone(call.ani),
    callType,
    ...outcome,
    startedAt,
    endedAt,
    durationSeconds: Math.floor((endedAt.getTime() - startedAt.getTime()) / 1000),
    metadata: {
      ...(isOurs ? {} : { legacyCallId: call.callId }),
      ...(status === '' || status === outcome.status ? {} : { legacyStatus: status }),
    },
    frames: readActions(call.actions, startedAt, now),
  };
};

/** A call of an earlier deployment, leniently; words that name what is wrong with it where it cannot be one. */
export const readImportedCall = (accountId: string, value: unknown, now: Date): ImportedCall | string => {
  try {
    return read(accountId, value, now);
  } catch (error) {
    if (error instanceof RowFault) return error.message;
    throw error;
  }
};
