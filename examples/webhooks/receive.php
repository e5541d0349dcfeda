<?php
// php -S 127.0.0.1:8000 receive.php — a receiver of webhooks that needs nothing installed (PHP 8+)
declare(strict_types=1);

const TOLERANCE_SECONDS = 300;

/**
 * Throws when $body is not what the owner of one of $secrets signed a moment ago. $body are the bytes as they came:
 * JSON that was parsed and printed again is not the same bytes.
 */
function verify(string $body, array $headers, array $secrets, ?int $now = null): void
{
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    $signatures = $headers['webhook-signature'] ?? '';
    if ($id === '' || $timestamp === '' || $signatures === '') {
        throw new RuntimeException('a webhook header is missing');
    }
    // What is old may be a recording that somebody plays again.
    if (!preg_match('/^[0-9]+\z/', $timestamp) || abs(($now ?? time()) - (int) $timestamp) > TOLERANCE_SECONDS) {
        throw new RuntimeException('the timestamp is too far from now');
    }
    foreach ($secrets as $secret) {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
        $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
        // Several while a secret is rotated, and other kinds (v1a) beside them; one that fits is enough.
        foreach (explode(' ', $signatures) as $given) {
            if (hash_equals($expected, $given)) {
                return;
            }
        }
    }
    throw new RuntimeException('no signature fits');
}

/**
 * Says whether a message is new, and where its sequence has a gap. A real receiver keeps this in its database; here it
 * is a file, because PHP forgets everything between two requests.
 */
function note(string $file, string $id, int $sequence): array
{
    $handle = fopen($file, 'c+');
    flock($handle, LOCK_EX);
    $inbox = json_decode(stream_get_contents($handle), true) ?? ['last' => 0, 'seen' => []];
    $isNew = !isset($inbox['seen'][$id]);
    $missing = null;
    if ($isNew) {
        // A later attempt may come after newer messages: what is behind is late, not missing.
        if ($inbox['last'] > 0 && $sequence > $inbox['last'] + 1) {
            $missing = ($inbox['last'] + 1) . ' to ' . ($sequence - 1);
        }
        $inbox['last'] = max($inbox['last'], $sequence);
        $inbox['seen'][$id] = true;
        rewind($handle);
        fwrite($handle, json_encode($inbox, JSON_THROW_ON_ERROR));
    }
    fclose($handle);
    return [$isNew, $missing];
}

function say(string $line): void
{
    file_put_contents('php://stdout', "$line\n");
}

// Only where this file is run, not where it is required for its functions.
if (get_included_files()[0] !== __FILE__) {
    return;
}
// The new one and the old one while a secret is rotated, divided by a space.
$secrets = array_filter(explode(' ', (string) getenv('WEBHOOK_SECRET')));
if ($secrets === []) {
    http_response_code(500);
    say('set WEBHOOK_SECRET to the secret of the endpoint, whsec_…');
    return;
}
$body = file_get_contents('php://input');
$headers = array_change_key_case(getallheaders());
try {
    verify($body, $headers, $secrets);
} catch (RuntimeException $error) {
    http_response_code(400);
    say("refused: {$error->getMessage()}");
    return;
}
$id = $headers['webhook-id'];
$sequence = (int) ($headers['webhook-sequence'] ?? 0);
[$isNew, $missing] = note(getenv('INBOX_FILE') ?: sys_get_temp_dir() . '/webhook-inbox.json', $id, $sequence);
// A real receiver puts the message into a queue or table of its own, answers, and works on it elsewhere: what takes
// longer than 30 seconds is sent again.
http_response_code(204);
if ($missing !== null) {
    say("gap: $missing not here yet; see the feed of the endpoint");
}
if (!$isNew) {
    say("repeat: $id");
    return;
}
// Objects stay objects: an empty one would come out of an array as [].
$message = json_decode($body, flags: JSON_THROW_ON_ERROR);
$data = json_encode($message->data, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION);
say("webhook $sequence: {$message->type} $data");
