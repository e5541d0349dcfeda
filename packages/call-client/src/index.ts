export type { AudioOptions, AudioState } from './audio.ts';
export type { Call, CallEnd, CallEvents } from './call.ts';
export {
  type CallClient,
  type CallClientOptions,
  type CallLog,
  type CallLogFilters,
  createCallClient,
  type FollowOptions,
  followCall,
  type StartCallInput,
} from './client.ts';
export { CallClientError, type ClientErrorCode } from './errors.ts';
export type {
  CallActionName,
  CallReason,
  CallStatus,
  CallType,
  ErrorData,
  Frame,
  FrameData,
  FrameType,
} from './frames.ts';
export { openMicrophone } from './microphone.ts';
export { type ConnectionChange, type ConnectionState, closeCodes } from './socket.ts';
export type { Timing } from './timing.ts';
