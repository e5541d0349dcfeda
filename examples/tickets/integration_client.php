<?php
// php integration_client.php: what an outside system does with tickets; nothing is to be installed (PHP 8.1+)
declare(strict_types=1);

/** An answer that is not 2xx: $errorCode is its `error`, such as `invalid_token`. */
class IntegrationError extends RuntimeException
{
    public readonly ?string $errorCode;

    public function __construct(string $what, public readonly int $status, string $text)
    {
        parent::__construct("$what: HTTP $status: $text");
        $answer = json_decode($text, true);
        $this->errorCode = is_array($answer) && is_string($answer['error'] ?? null) ? $answer['error'] : null;
    }
}

/** A client of the tickets surface. */
class IntegrationClient
{
    private const ATTEMPTS_MAX = 6;
    private const TIMEOUT_SECONDS = 30;
    private string $url;
    private Closure $onRetry;

    /** @param ?Closure $onRetry is told each time when something is tried again, and why */
    public function __construct(string $url, private string $token, ?Closure $onRetry = null)
    {
        $this->url = rtrim($url, '/');
        $this->onRetry = $onRetry ?? static fn (string $words) => null;
    }

    /** INTEGRATION_TOKEN and INTEGRATION_URL, as the guide sets them. */
    public static function fromEnvironment(?Closure $onRetry = null): self
    {
        [$token, $url] = [(string) getenv('INTEGRATION_TOKEN'), (string) getenv('INTEGRATION_URL')];
        if ($token === '' || $url === '') {
            throw new RuntimeException('Set INTEGRATION_TOKEN to your token, stk_…, '
                . 'and INTEGRATION_URL to https://…/functions/v1/integration-tickets.');
        }
        return new self($url, $token, $onRetry);
    }

    public function health(): array
    {
        return $this->request('GET', '/');
    }

    /**
     * Give a key of your own, such as the number of the case in your system, and the same case opens no second ticket even
     * when your program is started again.
     */
    public function createTicket(array $ticket, ?string $idempotencyKey = null): array
    {
        return $this->request('POST', '/tickets', body: $ticket, key: $idempotencyKey ?? self::newKey())['ticket'];
    }

    public function getTicket(string $id): array
    {
        return $this->request('GET', "/tickets/$id")['ticket'];
    }

    /** A page [tickets, next_cursor]: go on with `cursor` until next_cursor is null. */
    public function listTickets(array $query = []): array
    {
        return $this->request('GET', '/tickets', $query);
    }

    public function addComment(string $id, array $comment, ?string $idempotencyKey = null): string
    {
        $key = $idempotencyKey ?? self::newKey();
        return $this->request('POST', "/tickets/$id/comments", body: $comment, key: $key)['comment_id'];
    }

    /** Setting a status twice changes nothing the second time, so it is safe to repeat without a key. */
    public function setStatus(string $id, string $status): array
    {
        return $this->request('PATCH', "/tickets/$id/status", body: ['status' => $status])['ticket'];
    }

    /** A page [changes, next_cursor] of what happened after $cursor; waits up to $wait seconds for it. */
    public function listChanges(string $cursor = '0', int $wait = 0): array
    {
        $query = ['cursor' => $cursor, 'wait' => $wait];
        return $this->request('GET', '/tickets/changes', $query, timeoutSeconds: $wait + self::TIMEOUT_SECONDS);
    }

    /**
     * Every change after a cursor, for ever. Keep the sequence of the last one you worked on, and go on from there when your
     * program starts again. Throws when a number is missing, which would be a fault of the server.
     */
    public function followChanges(string $cursor): Generator
    {
        $last = (int) $cursor;
        while (true) {
            foreach ($this->listChanges((string) $last, 20)['changes'] as $change) {
                if ($change['sequence'] !== $last + 1) {
                    throw new RuntimeException('there is no change ' . ($last + 1) . " before {$change['sequence']}");
                }
                $last = $change['sequence'];
                yield $change;
            }
        }
    }

    /**
     * The body of a 2xx answer. 429, 5xx and broken connections are tried again with the same idempotency key; any other
     * answer is a fault of the caller and is thrown at once.
     */
    public function request(
        string $method,
        string $path,
        array $query = [],
        ?array $body = null,
        ?string $key = null,
        int $timeoutSeconds = self::TIMEOUT_SECONDS,
    ): array {
        $url = $this->url . $path . ($query === [] ? '' : '?' . http_build_query($query));
        $headers = ['Accept: application/json', "Authorization: Bearer {$this->token}", 'Connection: close'];
        if ($body !== null) {
            $headers[] = 'Content-Type: application/json';
        }
        if ($key !== null) {
            $headers[] = "Idempotency-Key: $key";
        }
        $context = stream_context_create(['http' => [
            'method' => $method,
            'header' => $headers,
            'content' => $body === null ? '' : json_encode((object) $body, JSON_THROW_ON_ERROR),
            'ignore_errors' => true,
            // Nobody else is given the token.
            'follow_location' => 0,
            'timeout' => $timeoutSeconds,
        ]]);
        for ($attempt = 1; ; $attempt++) {
            [$status, $text, $retryAfter] = self::ask($url, $context);
            if ($status >= 200 && $status < 300) {
                return $text === '' ? [] : json_decode($text, true, flags: JSON_THROW_ON_ERROR);
            }
            // 0: nobody answered, or the answer broke off.
            $mayPass = $status === 0 || $status === 429 || $status >= 500;
            if (!$mayPass || $attempt === self::ATTEMPTS_MAX) {
                throw new IntegrationError("$method $path", $status, $text);
            }
            $seconds = $retryAfter ?? self::backoffSeconds($attempt);
            $why = $status === 0 ? $text : "HTTP $status";
            ($this->onRetry)(sprintf('%s %s: %s; again in %.1f s', $method, $path, $why, $seconds));
            usleep((int) ($seconds * 1_000_000));
        }
    }

    /** [status, body, seconds of Retry-After]; status 0 with words when there is no whole answer. */
    private static function ask(string $url, mixed $context): array
    {
        $stream = @fopen($url, 'r', false, $context);
        if ($stream === false) {
            return [0, error_get_last()['message'] ?? 'no answer', null];
        }
        $text = (string) stream_get_contents($stream);
        $meta = stream_get_meta_data($stream);
        fclose($stream);
        $status = 0;
        $fields = [];
        foreach ($meta['wrapper_data'] as $line) {
            if (preg_match('{^HTTP/\S+ (\d{3})}', $line, $match)) {
                // The last one counts: a 100 may come before it.
                [$status, $fields] = [(int) $match[1], []];
            } elseif (str_contains($line, ':')) {
                [$name, $value] = explode(':', $line, 2);
                $fields[strtolower($name)] = trim($value);
            }
        }
        $length = $fields['content-length'] ?? null;
        if ($meta['timed_out'] || ($length !== null && strlen($text) < (int) $length)) {
            return [0, 'the answer broke off', null];
        }
        $retryAfter = $fields['retry-after'] ?? '';
        return [$status, $text, preg_match('/^\d{1,6}\z/', $retryAfter) ? (int) $retryAfter : null];
    }

    /** 0.5 s, 1 s, 2 s … 30 s, each up to half as much again by chance, so that many clients do not come back at once. */
    private static function backoffSeconds(int $attempt): float
    {
        return min(0.5 * 2 ** ($attempt - 1), 30) * (1 + mt_rand() / mt_getrandmax() / 2);
    }

    private static function newKey(): string
    {
        return bin2hex(random_bytes(16));
    }
}

function runIntegrationExample(): void
{
    $client = IntegrationClient::fromEnvironment(static fn (string $words) => fwrite(STDERR, "$words\n"));
    echo "health: {$client->health()['status']}\n";

    // Where the feed is now: what comes after it is new.
    $start = $client->listChanges('latest')['next_cursor'];

    $id = $client->createTicket([
        'title' => 'The printer is on fire',
        'description' => 'Third floor, beside the stairs.',
        'priority' => 'high',
        'category' => 'hardware',
        'metadata' => ['source' => 'integration_client.php'],
    ])['id'];
    echo "opened: $id\n";

    $ticket = $client->getTicket($id);
    echo "read: {$ticket['title']} ({$ticket['status']}, {$ticket['priority']})\n";
    echo "commented: {$client->addComment($id, ['content' => 'It still burns.'])}\n";
    echo "status: {$client->setStatus($id, 'in_progress')['status']}\n";

    $tickets = $client->listTickets(['status' => 'in_progress', 'limit' => 20])['tickets'];
    $isAmong = in_array($id, array_column($tickets, 'id'), true);
    echo "listed: $id is ", $isAmong ? 'among them' : 'on another page', "\n";

    // The changes of all tickets of this token are numbered 1, 2, 3 … Whoever has every number missed nothing.
    $expected = ['ticket.created', 'ticket.commented', 'ticket.status_changed'];
    foreach ($client->followChanges($start) as $change) {
        echo "change {$change['sequence']}: {$change['type']} {$change['ticket_id']}\n";
        if ($change['ticket_id'] === $id) {
            $expected = array_diff($expected, [$change['type']]);
        }
        if ($expected === []) {
            echo 'nothing was missed: changes ', (int) $start + 1, " to {$change['sequence']}\n";
            break;
        }
    }
}

// Only where this file is run, not where it is required for its class.
if (get_included_files()[0] === __FILE__) {
    try {
        runIntegrationExample();
    } catch (RuntimeException | JsonException $error) {
        fwrite(STDERR, "{$error->getMessage()}\n");
        exit(1);
    }
}
