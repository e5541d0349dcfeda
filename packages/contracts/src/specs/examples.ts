import { callExamples, callRealtimeExamples } from '../calls/examples.ts';
import { gatewayAdminExamples } from '../gateway/admin-examples.ts';
import { identityAdminExamples } from '../identity/admin-examples.ts';
import { authExamples } from '../identity/auth-examples.ts';
import { deviceExamples } from '../identity/device-examples.ts';
import { partnerAdminExamples } from '../partner/admin-examples.ts';
import { analysisResultsExample } from '../partner/examples.ts';
import { ticketExamples } from '../tickets/examples.ts';
import { webhookExamples } from '../webhooks/examples.ts';

/** Requests and answers as the API document shows them, by route id. A test holds each against its schema. */

export interface RouteExample {
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly answers: Readonly<Record<number, unknown>>;
}

/** What travels on a live surface: `data` of each type of frame, and each message as it is sent. */
export interface RealtimeExamples {
  readonly id: string;
  readonly frames: Readonly<Record<string, unknown>>;
  readonly messages: Readonly<Record<string, unknown>>;
}

/** By the contract's kind. */
export const realtimeExamples: Readonly<Record<string, RealtimeExamples>> = { call: callRealtimeExamples };

const AT = '2024-12-15T10:30:00.000Z';
const COMPANY = '550e8400-e29b-41d4-a716-446655440000';
const AGENT = '0192f0c1-2b3c-7d4e-8f50-617283940a1e';
const JOB = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const CALL = '0192f0c1-2b3c-7d4e-8f50-617283940a1f';

const company = { id: COMPANY, name: 'Test Company', industry: 'retail', created_at: AT };
const questionnaire = { opening: 'Thank you for calling Test Company' };
const job = {
  job_id: JOB,
  job_type: 'call_analysis',
  status: 'completed',
  progress: 100,
  created_at: AT,
  updated_at: AT,
  completed_at: AT,
};
const call = {
  id: CALL,
  job_id: JOB,
  company_id: COMPANY,
  agent_id: AGENT,
  call_type: 'sales_call',
  analysis_type: 'full',
  duration_seconds: 5.6,
  overall_score: 8.5,
  metadata: { order: 'A-1042' },
  created_at: AT,
  results: analysisResultsExample,
};
const accepted = {
  job_id: JOB,
  status: 'queued',
  estimated_time: '2-3 minutes',
  message: 'Analysis job created successfully',
};

export const routeExamples: Readonly<Record<string, RouteExample>> = {
  ...authExamples,
  ...partnerAdminExamples,
  ...identityAdminExamples,
  ...deviceExamples,
  ...ticketExamples,
  ...callExamples,
  ...webhookExamples,
  ...gatewayAdminExamples,
  'partner.health.get': {
    answers: {
      200: {
        status: 'ok',
        environment: 'sandbox',
        partner_name: 'CompanyX Call Center',
        timestamp: AT,
        version: 'v1',
      },
    },
  },
  'partner.companies.create': {
    body: { name: 'Test Company', industry: 'retail', contact_email: 'admin@testcompany.com' },
    answers: { 201: { company_id: COMPANY, status: 'created', message: 'Company created successfully' } },
  },
  'partner.companies.list': {
    answers: {
      200: {
        companies: [company],
        total: 1,
        limit: 50,
        offset: 0,
        next_cursor: null,
        partner_access: 'all_companies',
        message: 'This API key has access to all companies',
      },
    },
  },
  'partner.companies.get': {
    params: { company_id: COMPANY },
    answers: {
      200: {
        ...company,
        contact_email: 'admin@testcompany.com',
        questionnaire_data: questionnaire,
        total_agents: 1,
        total_calls: 1,
      },
    },
  },
  'partner.companies.put_questionnaire': {
    params: { company_id: COMPANY },
    body: { questionnaire_data: questionnaire },
    answers: { 200: { success: true, message: 'Questionnaire updated' } },
  },
  'partner.agents.create': {
    params: { company_id: COMPANY },
    body: { email: 'agent@testcompany.com', name: 'John Doe', role: 'agent' },
    answers: {
      201: {
        agent_id: AGENT,
        temporary_password: 'shown-once-7Qx2',
        status: 'created',
        message: 'Agent created successfully',
      },
    },
  },
  'partner.agents.list': {
    params: { company_id: COMPANY },
    answers: {
      200: {
        agents: [
          {
            id: AGENT,
            email: 'agent@testcompany.com',
            name: 'John Doe',
            role: 'agent',
            created_at: AT,
            total_calls: 1,
            average_score: 8.5,
          },
        ],
        total: 1,
        next_cursor: null,
      },
    },
  },
  'partner.calls.analyze': {
    body: {
      audio_file: 'https://recordings.example.com/call.wav',
      company_id: COMPANY,
      agent_id: AGENT,
      call_type: 'sales_call',
      webhook_url: 'https://partner.com/webhook/callback',
    },
    answers: { 202: accepted, 200: accepted },
  },
  'partner.jobs.get_status': {
    params: { job_id: JOB },
    answers: { 200: { ...job, call_id: CALL, results: analysisResultsExample } },
  },
  'partner.jobs.list': { answers: { 200: { jobs: [job], next_cursor: null } } },
  'partner.jobs.cancel': {
    params: { job_id: JOB },
    answers: { 200: { ...job, status: 'cancelled', progress: 30 } },
  },
  'partner.calls.list': { answers: { 200: { calls: [call], next_cursor: null } } },
  'partner.calls.get': { params: { call_id: CALL }, answers: { 200: call } },
  'partner.statistics.get': {
    answers: {
      200: {
        from: '2024-12-01T00:00:00.000Z',
        to: AT,
        total_calls: 1,
        average_score: 8.5,
        minutes_analyzed: 0.1,
        jobs: { total: 1, queued: 0, processing: 0, completed: 1, failed: 0, cancelled: 0 },
        periods: [{ period: '2024-12-15', total_calls: 1, average_score: 8.5, minutes_analyzed: 0.1 }],
      },
    },
  },
};

export const callbackExample = {
  job_id: JOB,
  job_type: 'call_analysis',
  status: 'completed',
  timestamp: AT,
  call_id: CALL,
  results: analysisResultsExample,
};

export const platformHealthExample = {
  status: 'ok',
  version: '0.1.0',
  timestamp: AT,
  services: { 'call-service': 'ok', 'partner-service': 'ok', 'ai-service': 'ok', 'webhook-dispatcher': 'ok' },
};
