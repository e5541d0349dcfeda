// At the path that the guide names; the example itself, with its client to import, is in tickets/.
import { run } from './tickets/integration_client.js';

await run();
