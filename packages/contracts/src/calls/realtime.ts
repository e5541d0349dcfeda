import { z } from 'zod';
import { timestampSchema } from '../fields.ts';
import type { RealtimeContract, RealtimeMessage } from '../realtime.ts';
import { callRoutes } from './routes.ts';
import { callRpcs } from './rpcs.ts';
import { actionBody, callActionSchema, callReasonSchema, callTypeSchema } from './schemas.ts';

const SDP_CHARACTERS_MAX = 48 * 1024;
const sdpSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(SDP_CHARACTERS_MAX, `must have at most ${SDP_CHARACTERS_MAX} characters`);

/** RTCIceCandidateInit; null says that there are no more. */
export const iceCandidateSchema = z
  .object({
    candidate: z.string().max(2000),
    sdpMid: z.string().max(100).nullish(),
    sdpMLineIndex: z.int().min(0).max(100).nullish(),
    usernameFragment: z.string().max(256).nullish(),
  })
  .nullable();
export type IceCandidate = z.output<typeof iceCandidateSchema>;

/** What a client may send on a call's socket. */
export const callMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('media.offer'), data: z.object({ sdp: sdpSchema }) }),
  z.object({ type: z.literal('media.candidate'), data: z.object({ candidate: iceCandidateSchema }) }),
  z.object({ type: z.literal('call.action'), data: actionBody }),
  z.object({ type: z.literal('call.end'), data: z.object({}) }),
]);
export type CallMessage = z.output<typeof callMessageSchema>;

/** `data` of each type of frame (spec: calls, "The socket"). */
export const callFrames = {
  'call.initialized': z.object({ name: z.string(), phone: z.string(), callType: callTypeSchema }),
  'call.ringing': z.object({}),
  'call.connected': z.object({ connectedAt: timestampSchema }),
  'call.ended': z.object({ endTime: timestampSchema, duration: z.int(), reason: callReasonSchema }),
  'call.error': z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()),
  }),
  'call.action': z.object({
    action: callActionSchema,
    status: z.enum(['performed', 'failed']),
    dtmfDigit: z.string().optional(),
    target: z.string().optional(),
  }),
  'media.answer': z.object({ sdp: z.string() }),
  'media.candidate': z.object({ candidate: iceCandidateSchema }),
  'media.hangup': z.object({}),
} as const;
export type CallFrameType = keyof typeof callFrames;

export const callsRealtime: RealtimeContract = {
  kind: 'call',
  owner: 'call-service',
  route: callRoutes.follow,
  topicField: 'callId',
  errorType: 'call.error',
  notFound: 'CALL_NOT_FOUND',
  messages: callMessageSchema as z.ZodType<RealtimeMessage>,
  frames: callFrames,
  followRpc: callRpcs.follow,
  syncRpc: callRpcs.sync,
  commandRpc: callRpcs.command,
  fallbackRpc: callRpcs.commandAny,
};
