/* A driver whose answers are the fuzzer's bytes, and what must hold whatever they are. */
#ifndef TESTS_FUZZ_ANSWERS_H
#define TESTS_FUZZ_ANSWERS_H

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/check.h"

static struct {
    const uint8_t *data;
    size_t size, at;
    size_t answered; /* questions that got an answer */
} said;

static inline void need(bool held)
{
    if (!held)
        abort();
}

/* The next bytes; zeros when all were given. */
static inline void bytes_take(void *out, size_t size)
{
    size_t left = said.size - said.at, n = size < left ? size : left;

    memset(out, 0, size);
    if (n)
        memcpy(out, said.data + said.at, n);
    said.at += n;
}

static inline uint8_t byte_take(void)
{
    uint8_t b = 0;

    bytes_take(&b, 1);
    return b;
}

/* Most questions are answered; the rest get any code, the library's own and others. */
static inline int code_take(void)
{
    uint8_t b = byte_take();
    int code = b < 192 ? 0 : b < 224 ? b - 192 : b == 224 ? 999 : (int8_t)b;

    said.answered += code == 0;
    return code;
}

/* Pauses between samples are long for a fuzzer: they are waits for nothing, which this ends. */
int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    (void)timeout_ms;
    need(!fds && count == 0);
    return 0;
}

static inline bool is_clean(const char *text, size_t size)
{
    need(memchr(text, '\0', size));
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

static inline void finding_need(const struct finding *f, size_t answers)
{
    need((unsigned)f->result <= CHECK_ERROR);
    need(isfinite(f->value) && isfinite(f->floor));
    need(f->detail[0] && is_clean(f->detail, sizeof f->detail));
    need(is_clean(f->action, sizeof f->action) && is_clean(f->unit, sizeof f->unit));
    /* Whoever is told that something is wrong is told what to do, and nothing passes unasked. */
    if (f->result == CHECK_FAIL || f->result == CHECK_WARN)
        need(f->action[0] && f->remedy != REMEDY_NONE);
    if (f->result == CHECK_PASS || f->result == CHECK_WARN)
        need(answers > 0);
    if (f->result == CHECK_PASS || f->result == CHECK_SKIP)
        need(f->remedy == REMEDY_NONE);
}

/* Every check of a GPU that the state tier runs, each on a target that nobody asked yet. */
static inline void checks_run(const struct gpu_target *target)
{
    for (size_t i = 0; i < gpu_check_count; i++) {
        const struct gpu_check *check = gpu_checks[i];
        struct gpu_target t = *target;
        struct finding f;

        if (check->scope != GPU_SCOPE_GPU || check->tier != TIER_STATE)
            continue;
        said.answered = 0;
        if (check->without_device) /* it judges the answer to the question for the GPU itself */
            said.answered = t.device_code == 0;
        gpu_check_run(check, &t, &f);
        need(strcmp(f.check, check->name) == 0 && f.gpu_index == t.info->gpu.index);
        finding_need(&f, said.answered);
        if (!said.answered)
            need(f.result != CHECK_PASS);
    }
}

#endif
