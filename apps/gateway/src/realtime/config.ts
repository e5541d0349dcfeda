import { numberField, setting } from '@switchboard/service-kit';
import { z } from 'zod';

const KIB = 1024;

/** Settings of the realtime edge. */
export const realtimeBlock = z.object({
  socketsMax: setting('REALTIME_SOCKETS_MAX', numberField({ min: 1 }).default(20_000), {
    description: 'Most WebSockets that this gateway holds; further ones are told to try again (1013)',
  }),
  socketsPerCallerMax: setting('REALTIME_SOCKETS_PER_CALLER_MAX', numberField({ min: 1 }).default(2000), {
    description: 'Most WebSockets of one account or user on this gateway; further ones are refused (4429)',
  }),
  messagesPerSecond: setting('REALTIME_MESSAGES_PER_SECOND', numberField({ min: 1 }).default(20), {
    description:
      'Messages that one WebSocket may send a second, five times as many at once; whoever sends more is dropped',
  }),
  commandsPerCallerPerSecond: setting(
    'REALTIME_COMMANDS_PER_CALLER_PER_SECOND',
    numberField({ min: 1 }).default(500),
    {
      description:
        'What all WebSockets of one account or user together may ask for a second, five times as much at once; more is refused in a frame',
    },
  ),
  socketBufferBytesMax: setting(
    'REALTIME_SOCKET_BUFFER_BYTES_MAX',
    numberField({ min: 64 * KIB }).default(256 * KIB),
    { description: 'A WebSocket that has this much unread is dropped as too slow (4408)' },
  ),
  bufferBytesMax: setting(
    'REALTIME_BUFFER_BYTES_MAX',
    numberField({ min: KIB * KIB }).default(256 * KIB * KIB),
    {
      description: 'Bound of what all WebSockets together have unread; beyond it the slowest are dropped',
    },
  ),
});

export type RealtimeConfig = z.output<typeof realtimeBlock>;
