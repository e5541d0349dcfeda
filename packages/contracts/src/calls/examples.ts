import type { RealtimeExamples, RouteExample } from '../specs/examples.ts';

const CALL = '6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d21';
const ACCOUNT = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const START = '2024-01-20T10:00:00.000Z';
const END = '2024-01-20T10:05:00.000Z';
const TICKET = '0192f0c1-2b3c-7d4e-8f50-617283940a30';
const WS_URL = `wss://api.example.com/api/v1/ws/calls/${CALL}?ticket=tk_0123456789012345678901234567890aBcDeF`;

const log = {
  callId: CALL,
  customerName: 'John',
  ani: '+1234567890',
  callType: 'inbound',
  startTime: START,
  endTime: END,
  duration: 300,
  status: 'ended',
  actions: [{ type: 'dtmf', timestamp: '2024-01-20T10:01:00.000Z', status: 'performed', dtmfDigit: '5' }],
  connectedTime: '2024-01-20T10:00:02.000Z',
  reason: 'hangup',
  metadata: { order: 'A-1042' },
};
const detail = {
  ...log,
  isMuted: false,
  isOnHold: false,
  sequence: 5,
  supportTickets: [{ ticketId: TICKET, openedAt: '2024-01-20T10:06:00.000Z', status: 'in_progress' }],
};
const params = { callId: CALL };
const answer = (status: number, data: unknown) => ({ [status]: { success: true, data } });

export const callExamples: Readonly<Record<string, RouteExample>> = {
  'calls.calls.create': {
    body: { name: 'Customer Name', phone: '+1234567890', callType: 'inbound' },
    answers: answer(201, {
      callId: CALL,
      wsUrl: WS_URL,
      status: 'initializing',
      iceServers: [{ urls: ['stun:stun.example.com:3478'] }],
    }),
  },
  'calls.calls.get': {
    params,
    answers: answer(200, detail),
  },
  'calls.calls.end': {
    params,
    answers: answer(200, { callId: CALL, status: 'ended', endTime: END, duration: 300 }),
  },
  'calls.calls.act': {
    params,
    body: { action: 'dtmf', dtmfDigit: '5' },
    answers: answer(200, { callId: CALL, status: 'connected', action: 'dtmf', actionSuccess: true }),
  },
  'calls.calls.open_support_ticket': {
    params,
    body: { title: 'Call back about the invoice', priority: 'high' },
    answers: {
      202: {
        success: true,
        data: { ticketId: TICKET, callId: params.callId },
      },
    },
  },
  'calls.calls.create_ticket': {
    params,
    answers: answer(201, { wsUrl: WS_URL, expiresAt: '2024-01-20T10:10:00.000Z' }),
  },
  'calls.logs.list': { answers: answer(200, { calls: [log], total: 1, nextCursor: null }) },
  'calls.logs.stats': {
    answers: answer(200, {
      from: START,
      to: '2024-01-20T11:00:00.000Z',
      total: 2,
      averageDuration: 151,
      byStatus: { initializing: 0, ringing: 0, connected: 0, ended: 1, failed: 1 },
      byType: { inbound: 2, outbound: 0, audio: 0, video: 0 },
      byHour: [{ hour: START, calls: 2, averageDuration: 151 }],
    }),
  },
  'calls.logs.get': { params, answers: answer(200, log) },
  'calls.calls.follow': { params, answers: {} },
  'admin.calls.get': { params, answers: answer(200, detail) },
  'admin.calls.import': {
    body: {
      account_id: ACCOUNT,
      calls: [
        {
          callId: 'legacy-1',
          customerName: 'John',
          ani: '+1234567890',
          callType: 'inbound',
          startTime: '2023-01-20 10:00:00',
          endTime: '2023-01-20 10:05:00',
          status: 'ended',
        },
      ],
    },
    answers: { 200: { imported: 1, skipped: 0, refused: [] } },
  },
};

const SDP = 'v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';
const candidate = {
  candidate: 'candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host',
  sdpMid: '0',
  sdpMLineIndex: 0,
};

export const callRealtimeExamples: RealtimeExamples = {
  id: CALL,
  frames: {
    'call.initialized': { name: 'John', phone: '+1234567890', callType: 'inbound' },
    'call.ringing': {},
    'call.connected': { connectedAt: '2024-01-20T10:00:02.000Z' },
    'call.ended': { endTime: END, duration: 300, reason: 'hangup' },
    'call.error': { code: 'busy', message: 'The line is busy', details: {} },
    'call.action': { action: 'dtmf', status: 'performed', dtmfDigit: '5' },
    'media.answer': { sdp: SDP },
    'media.candidate': { candidate },
    'media.hangup': {},
  },
  messages: {
    'media.offer': { type: 'media.offer', data: { sdp: SDP } },
    'media.candidate': { type: 'media.candidate', data: { candidate } },
    'call.action': { type: 'call.action', id: 1, data: { action: 'dtmf', dtmfDigit: '5' } },
    'call.end': { type: 'call.end', data: {} },
    ping: { type: 'ping' },
  },
};
