<?php
// php -S 127.0.0.1:8000 receive_webhooks.php: keeps a copy of your tickets by webhooks, and heals it from the feed (PHP 8.1+)
// php receive_webhooks.php: catches up from the feed and ends, for a timetable such as cron
declare(strict_types=1);

require __DIR__ . '/../webhooks/receive.php';
require __DIR__ . '/integration_client.php';

/**
 * The tickets of a token as its changes make them, in a file that one request has at a time, because PHP forgets everything
 * between two of them. `last` is the sequence of the last change that was worked on: they are numbered 1, 2, 3 … over all
 * tickets of the token, in the feed and in data.sequence of webhooks alike, so whoever has them up to `last` has everything
 * up to there. A real one is a table, changed in one transaction with `last`.
 */
class TicketCopy
{
    private mixed $lock;
    private int $last = 0;
    private array $tickets = [];

    public function __construct(private IntegrationClient $client, private string $file)
    {
        $this->lock = fopen("$file.lock", 'c');
        flock($this->lock, LOCK_EX);
        if (is_file($file)) {
            ['last' => $this->last, 'tickets' => $this->tickets] = json_decode(file_get_contents($file), true);
        }
    }

    /** Takes what comes next, and nothing else. */
    private function apply(int $sequence, string $type, array $ticket, string $by): void
    {
        if ($sequence !== $this->last + 1) {
            throw new RuntimeException('there is no change ' . ($this->last + 1) . " before $sequence");
        }
        // An empty object would come out of an array as [].
        $ticket['metadata'] = (object) $ticket['metadata'];
        $this->tickets[$ticket['id']] = $ticket;
        $this->last = $sequence;
        // Whoever reads the file sees it as it was or as it is, never a part of it.
        $kept = ['last' => $this->last, 'tickets' => $this->tickets];
        file_put_contents("{$this->file}.new", json_encode($kept, JSON_THROW_ON_ERROR));
        rename("{$this->file}.new", $this->file);
        say("change $sequence by $by: $type {$ticket['id']} {$ticket['status']}");
    }

    public function receive(string $type, array $data): void
    {
        $sequence = $data['sequence'];
        if ($sequence <= $this->last) {
            say("known: $sequence");
        } elseif ($sequence === $this->last + 1) {
            $this->apply($sequence, $type, $data['ticket'], 'webhook');
        } else {
            say('gap: ' . ($this->last + 1) . ' to ' . ($sequence - 1) . '; reading the feed');
            $this->catchUp();
        }
    }

    /** Everything that happened since `last`, of which no webhook has come, or none in order. */
    public function catchUp(): void
    {
        while (($changes = $this->client->listChanges((string) $this->last)['changes']) !== []) {
            foreach ($changes as $change) {
                $this->apply($change['sequence'], $change['type'], $change['data']['ticket'], 'feed');
            }
        }
    }
}

function openCopy(): TicketCopy
{
    $client = IntegrationClient::fromEnvironment(static fn (string $words) => say($words));
    // A file for each token: another one has other tickets, and numbers of its own.
    $name = 'tickets-of-' . substr((string) getenv('INTEGRATION_TOKEN'), 4, 8) . '.json';
    return new TicketCopy($client, getenv('STATE_FILE') ?: sys_get_temp_dir() . "/$name");
}

if (PHP_SAPI === 'cli') {
    try {
        openCopy()->catchUp();
    } catch (RuntimeException $error) {
        fwrite(STDERR, "{$error->getMessage()}\n");
        exit(1);
    }
    return;
}
// The new one and the old one while a secret is rotated, divided by a space.
$secrets = array_filter(explode(' ', (string) getenv('WEBHOOK_SECRET')));
if ($secrets === []) {
    http_response_code(500);
    say('Set WEBHOOK_SECRET to the secret of the endpoint, whsec_…');
    return;
}
$body = file_get_contents('php://input');
try {
    verify($body, array_change_key_case(getallheaders()), $secrets);
} catch (RuntimeException $error) {
    http_response_code(400);
    say("refused: {$error->getMessage()}");
    return;
}
// First the answer, then the work. If this process dies in between, the next request finds the change in the feed.
ignore_user_abort(true);
http_response_code(204);
// Under PHP-FPM: fastcgi_finish_request();
flush();
$message = json_decode($body, true, flags: JSON_THROW_ON_ERROR);
if (!is_int($message['data']['sequence'] ?? null)) {
    say("not about a ticket: {$message['type']}");
    return;
}
try {
    openCopy()->receive($message['type'], $message['data']);
} catch (RuntimeException $error) {
    // It is not lost, but a gap for the next one.
    say("not done: {$error->getMessage()}");
}
