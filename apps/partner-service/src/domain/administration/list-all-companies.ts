import { type Environment, environmentSchema } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import { type Company, listCompanies } from '../companies/company-repository.ts';
import type { Executor } from '../database.ts';

const isNewerFirst = (a: Company, b: Company): number =>
  b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1);

/** Companies of one environment or of both, newest first, one more than `limit` when there are more. */
export const listAllCompanies = async (
  executor: Executor,
  filter: { readonly environment: Environment | null; readonly search: string | null },
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly Company[]> => {
  const environments = filter.environment ? [filter.environment] : environmentSchema.options;
  // A page of each: the index has them by environment.
  const pages = await Promise.all(
    environments.map((environment) =>
      listCompanies(
        executor,
        { environment, companyId: null, search: filter.search },
        { ...page, offset: 0 },
      ),
    ),
  );
  return pages
    .flat()
    .sort(isNewerFirst)
    .slice(0, page.limit + 1);
};
