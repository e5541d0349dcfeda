import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import { donePage } from '../../domain/pages/device-pages.ts';
import { pageHeaders } from './page-answers.ts';

export const deviceDone = (app: FastifyInstance): void =>
  implement(app, deviceRoutes.deviceDone, ({ query }) => ({
    status: 200,
    headers: pageHeaders(),
    body: donePage(query.result),
  }));
