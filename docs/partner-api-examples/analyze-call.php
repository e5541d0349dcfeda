<?php
// php analyze-call.php call.wav
declare(strict_types=1);

function call(string $method, string $path, ?array $body = null, array $headers = []): array
{
    $headers[] = 'Authorization: Bearer ' . getenv('API_KEY');
    $headers[] = 'X-API-Secret: ' . getenv('API_SECRET');
    if ($body !== null) {
        $headers[] = 'Content-Type: application/json';
    }
    $url = (getenv('BASE_URL') ?: 'http://127.0.0.1:3000') . '/api/partner/v1' . $path;
    $context = stream_context_create(['http' => [
        'method' => $method,
        'header' => $headers,
        'content' => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        'ignore_errors' => true,
    ]]);
    $text = file_get_contents($url, false, $context);
    if ($text === false) {
        throw new RuntimeException("$url does not answer");
    }
    $answer = json_decode($text, true, flags: JSON_THROW_ON_ERROR);
    if (isset($answer['error'])) {
        throw new RuntimeException("{$answer['error']['code']}: {$answer['error']['message']}");
    }
    return $answer;
}

/** Takes the raw body of the callback, file_get_contents('php://input'), not the parsed JSON. */
function verifyWebhook(string $rawBody, string $signature, string $webhookSecret): bool
{
    return hash_equals(hash_hmac('sha256', $rawBody, $webhookSecret), $signature);
}

function analyze(string $file): array
{
    $company = call('POST', '/companies/create', [
        'name' => 'Test Company',
        'contact_email' => 'admin@testcompany.com',
    ]);
    $agent = call('POST', "/companies/{$company['company_id']}/agents/create", [
        'name' => 'John Doe',
        'email' => 'agent@testcompany.com',
    ]);
    $job = call('POST', '/calls/analyze', [
        'audio_file' => base64_encode(file_get_contents($file)),
        'company_id' => $company['company_id'],
        'agent_id' => $agent['agent_id'],
        'call_type' => 'support',
        // The same key again gives the same job, so it is safe to send this twice.
    ], ['X-Idempotency-Key: ' . bin2hex(random_bytes(16))]);
    while (true) {
        $state = call('GET', "/jobs/{$job['job_id']}/status");
        if ($state['status'] === 'completed') {
            return $state['results'];
        }
        if (!in_array($state['status'], ['queued', 'processing'], true)) {
            throw new RuntimeException($state['error_message'] ?? $state['status']);
        }
        sleep(1);
    }
}

if (isset($argv[1])) {
    $results = analyze($argv[1]);
    echo $results['transcript'], "\nscore: ", $results['overall_score'], "\n";
}
