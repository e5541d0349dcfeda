// npm install standardwebhooks && node receive-with-library.mjs — the verification by a library (Node.js 18+)
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

const server = createServer(async (request, response) => {
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
    const { type, data } = webhook.verify(Buffer.concat(chunks), request.headers);
    response.writeHead(204).end();
    console.log(`webhook ${request.headers['webhook-sequence']}: ${type} ${JSON.stringify(data)}`);
  } catch (error) {
    console.log(`refused: ${error.message}`);
    response.writeHead(400).end();
  }
});
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
