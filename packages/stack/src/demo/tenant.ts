import { type ApiClient, findIn, textOf } from './api-client.ts';

const COMPANY = 'Demo Insurance';
const AGENT_EMAIL = 'dana.demo@example.com';

export interface DemoTenant {
  companyId: string;
  agentId: string;
}

/** One company with one agent, made through the API at the first start and found again later. */
export async function provideDemoTenant(partner: ApiClient): Promise<DemoTenant> {
  const companies = await partner.get(`/companies?search=${encodeURIComponent(COMPANY)}`);
  const company = findIn(companies, 'companies', (entry) => entry.name === COMPANY);
  const companyId = company
    ? textOf(company, 'id')
    : textOf(
        await partner.post('/companies/create', {
          name: COMPANY,
          industry: 'Insurance',
          contact_email: 'contact@example.com',
        }),
        'company_id',
      );

  const agents = await partner.get(`/companies/${companyId}/agents`);
  const agent = findIn(agents, 'agents', (entry) => entry.email === AGENT_EMAIL);
  const agentId = agent
    ? textOf(agent, 'id')
    : textOf(
        await partner.post(`/companies/${companyId}/agents/create`, {
          email: AGENT_EMAIL,
          name: 'Dana Demo',
        }),
        'agent_id',
      );
  return { companyId, agentId };
}
