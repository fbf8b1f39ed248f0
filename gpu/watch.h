/* `hourglass-gpu watch`: what its files share. A process of its own asks the driver
 * (watch_sampler.c), so that a driver that hangs costs that process; this one keeps what is known
 * (watch_state.c), shows it (watch_output.c), serves it (watch_http.c) and hands it to the process
 * that reports it (watch_report.c). watch.c is the loop around them. Private to them. */
#ifndef GPU_WATCH_H
#define GPU_WATCH_H

#include "gpu/check.h"
#include "gpu/child.h"
#include "gpu/post.h"
#include "gpu/telemetry.h"
#include "model/telemetry.h"

#define WATCH_EVERY_MS_MIN 100
#define WATCH_EVERY_MS_MAX (3600 * 1000)
/* A driver that has not answered for so long is given up, with the process that asked it. NVML's
 * own calls to the GPU's firmware give up after six seconds (reference: XID 119 logs). */
#define WATCH_SILENCE_MS 8000
/* How long a GPU that did not answer, or is lost, is left alone; and a driver that ended. */
#define WATCH_AGAIN_MS 60000

enum watch_format { WATCH_NOTHING, WATCH_TEXT, WATCH_JSON, WATCH_PROMETHEUS };

struct watch_options {
    struct gpu_options gpu;
    int64_t every_ms;
    int64_t count; /* samples; 0: until told to stop */
    enum watch_format format;
    const char *listen; /* "ADDR:PORT", "unix:PATH", or NULL */
    bool listen_any;    /* also where others can reach it */
    bool report;
    const char *instance_id; /* in reports; "" or NULL: none */
    struct post_options post;
};

/* --- what is known (watch_state.c) ---------------------------------------------------- */

struct watch_gpu {
    char uuid[64], model[NAME_BYTES_MAX], pci[32];
    bool answered;                /* when it was asked last */
    char trouble[TEXT_BYTES_MAX]; /* why not; "" when it did */
    int64_t heard_at_ms;          /* Unix time of its last answer; 0: never */
    int64_t read_at_ms;           /* of `raw`, on the clock that never goes back */
    struct telemetry raw;
    uint64_t known; /* of `shown`, a bit per meter */
    double shown[TELEMETRY_COUNT];
    uint64_t narrow; /* counters that wrap too soon to tell a rate */
};

struct watch_state {
    char host[NAME_BYTES_MAX];
    char driver_version[SLUG_BYTES_MAX];
    int64_t taken_at_ms;
    int64_t restarts; /* of the process that asks the driver */
    size_t gpu_count;
    struct watch_gpu gpus[GPUS_PER_INSTANCE_MAX];
};

/* PCIe throughput as NVML's own call measures it; -1: not asked or not known. */
struct watch_pcie {
    int64_t rx_bytes_per_second, tx_bytes_per_second;
};

/* Take what a GPU's meters showed at a moment of the clock that never goes back. A rate needs
 * two readings; a counter that went down (a reset, or it wrapped) gives none this time, and
 * never again where it is one of 32 bits. */
void watch_gpu_take(struct watch_gpu *g, const struct telemetry *t, const struct watch_pcie *pcie,
                    int64_t read_at_ms);
/* True when its PCIe throughput must be asked for, since there is no counter to tell it. */
bool watch_gpu_wants_pcie(const struct watch_gpu *g);
/* It did not answer: nothing that it showed before is shown on. */
void watch_gpu_trouble(struct watch_gpu *g, const char *trouble);
/* "silent since 2026-11-21T10:00:00Z" or "it has not answered yet". */
void watch_gpu_silent(struct watch_gpu *g);

/* The sample as it crosses the wire. Caller frees with shape_release(&telemetry_sample_shape).
 * Errors: ERR_IO out of memory. */
enum err_code watch_sample(const struct watch_state *s, const char *instance_id,
                           struct telemetry_sample *out, struct err *e) MUST_CHECK;

/* --- how it is shown (watch_output.c) -------------------------------------------------- */

/* One GPU a line, at most 80 columns; returns the number of lines. */
size_t watch_text(const struct watch_state *s, struct strbuf *out);
/* One line: telemetry_create_shape. */
void watch_json(const struct watch_state *s, const char *instance_id, struct strbuf *out);
/* Text format 0.0.4 with dcgm-exporter's names; our own begin with hourglass_gpu_. */
void watch_prometheus(const struct watch_state *s, int64_t now_ms, struct strbuf *out);
#define WATCH_OUTPUT_BYTES_MAX (2 * 1024 * 1024)

/* --- who asks the driver (watch_sampler.c) ---------------------------------------------- */

enum watch_record_kind {
    WATCH_FAILED = 1, /* reason; the process ends */
    WATCH_READY,      /* driver version, count of GPUs */
    WATCH_IDENTITY,   /* who a GPU is */
    WATCH_READING,    /* its meters, or the code for which there are none */
    WATCH_ROUND,      /* all that were asked about have been told */
};

struct watch_record {
    uint32_t kind, gpu;
    union {
        char reason[TEXT_BYTES_MAX];
        struct {
            int64_t count;
            char version[SLUG_BYTES_MAX];
        } ready;
        struct report_gpu identity;
        struct {
            int64_t read_at_ms;
            int code;
            struct telemetry telemetry;
            struct watch_pcie pcie;
        } reading;
    } as;
};

/* What the parent asks: bits of GPUs, and of those whose PCIe throughput needs its own call.
 * Before the first answer it cannot know the GPUs and asks for all. */
struct watch_question {
    uint64_t gpus, pcie;
};

struct watch_sampler {
    struct gpu_child child;
    int ask_fd; /* valid while child.listening */
    struct gpu_options options;
};

/* Errors: ERR_IO. */
enum err_code watch_sampler_start(struct watch_sampler *s, struct err *e) MUST_CHECK;
/* False when the process is gone. */
bool watch_sampler_ask(struct watch_sampler *s, const struct watch_question *q);
/* Read what there is, without waiting; false when it has ended. */
bool watch_sampler_hear(struct watch_sampler *s);
/* The next whole record that can be; false when there is none. */
bool watch_sampler_next(struct watch_sampler *s, struct watch_record *out);
/* Kill it and forget it; never waits. */
void watch_sampler_end(struct watch_sampler *s);

/* --- who reports it (watch_report.c) ----------------------------------------------------- */

/* hourglassd keeps one sample in ten seconds; more often is of no use to anybody. */
#define WATCH_REPORT_EVERY_MS 10000

struct watch_reporter {
    struct gpu_child child;
    int fd; /* -1: there is none */
    int64_t next_at_ms, dropped;
    const struct watch_options *options;
};

/* Check server and token, load libcurl and start the process that posts. Errors: as
 * post_open(); ERR_IO. */
enum err_code watch_reporter_start(struct watch_reporter *r, const struct watch_options *o,
                                   struct err *e) MUST_CHECK;
/* Hand over a sample when one is due; never waits. */
void watch_reporter_offer(struct watch_reporter *r, const struct watch_state *s, int64_t mono_ms);
void watch_reporter_end(struct watch_reporter *r);

/* --- the verb ------------------------------------------------------------------------------ */

/* Errors: ERR_INVALID with a sentence that says what to type instead. *help: --help was there. */
enum err_code watch_command_read(int argc, char **argv, struct watch_options *out, bool *help,
                                 struct err *e) MUST_CHECK;
void watch_help_text(struct strbuf *out);
/* Until it is told to stop or has shown enough; returns the exit code. */
int watch_run(const struct watch_options *o);
/* `hourglass-gpu watch ...`, with argv[1] being "watch". */
int watch_main(int argc, char **argv);

#endif
