/* Every maximum in one place. Names end in their unit. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#define ID_MAX          44 /* "ins_" + 36 characters of UUID + NUL, rounded up */
#define NAME_BYTES_MAX  64 /* names that people choose, with NUL */
#define SLUG_BYTES_MAX  40 /* names of catalogue entries, with NUL */
#define EMAIL_BYTES_MAX 128
#define TEXT_BYTES_MAX  256 /* one-line sentences: reasons, sources */
#define URL_BYTES_MAX   512
#define TOKEN_BYTES_MAX 80 /* "hgk_" + 256 bits in text + NUL */
#define KEY_HASH_BYTES  32 /* BLAKE2b of a token */

/* HTTP */
#define HTTP_LINE_BYTES_MAX            4096
#define HTTP_HEADERS_BYTES_MAX         16384
#define HTTP_BODY_BYTES_MAX            (1024 * 1024)
#define HTTP_CONNECTION_MEMORY_BYTES   32768
#define HTTP_REQUEST_SECONDS_MAX       30
#define HTTP_CONNECTIONS_MAX           4096
#define HTTP_THREADS_MAX               64
#define HTTP_FOLLOWERS_MAX             1024
#define HTTP_IDEMPOTENCY_KEY_BYTES_MAX 128
#define HTTP_HEARTBEAT_SECONDS         15
#define HTTP_RESPONSE_BYTES_MAX        (16 * 1024 * 1024)

/* JSON and YAML */
#define JSON_DEPTH_MAX      16
#define JSON_TEXT_BYTES_MAX (1024 * 1024)
#define YAML_BYTES_MAX      (4 * 1024 * 1024)
#define YAML_NODES_MAX      200000

/* Pages */
#define PAGE_ITEMS_MAX     200
#define PAGE_ITEMS_DEFAULT 50
#define CURSOR_BYTES_MAX   128
#define FILTER_BYTES_MAX   128

/* Jobs and logs */
#define JOB_COMMAND_BYTES_MAX    (64 * 1024)
#define JOB_ENV_MAX              64
#define JOB_ENV_VALUE_BYTES_MAX  4096
#define JOB_FILE_BYTES_MAX       (256 * 1024)
#define LOG_CHUNK_BYTES_MAX      (256 * 1024)
#define LOG_BYTES_MAX            (1024LL * 1024 * 1024)

#define GPUS_PER_INSTANCE_MAX    64
#define REPORT_FINDINGS_MAX      512
#define TELEMETRY_READINGS_MAX   64
#define EVENT_KEEP_MAX           1000000
#define IDEMPOTENCY_KEEP_SECONDS (48 * 3600)

#endif
