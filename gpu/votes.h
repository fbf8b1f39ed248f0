/* Who computes wrongly: blocks of threads that did the same work on many SMs leave the same
 * numbers, unless an SM is broken. What is right is known from the processor, or is what most
 * SMs say. */
#ifndef GPU_VOTES_H
#define GPU_VOTES_H

#include "gpu/check.h"

#define VOTES_SMS_MAX   1024 /* indices are not dense; no GPU has half as many SMs */
#define VOTES_KINDS_MAX 8

struct votes {
    const char *const *kinds; /* "fp32 multiply-add"; borrowed */
    size_t kind_count;
    uint32_t blocks[VOTES_SMS_MAX]; /* that ran there, by the SM's index */
    uint32_t wrong[VOTES_KINDS_MAX][VOTES_SMS_MAX];
    bool split[VOTES_KINDS_MAX]; /* no number had a majority */
    uint32_t strays;             /* blocks whose index of the SM makes no sense */
};

void votes_init(struct votes *v, const char *const *kinds, size_t kind_count);

/* A block ran on this SM. */
void votes_block(struct votes *v, uint32_t sm);

/* One number of each of `count` blocks, `stride` words apart, and the SMs they ran on. `right`:
 * the processor's answer; NULL: that of most SMs. */
void votes_count(struct votes *v, size_t kind, const uint32_t *words, size_t stride,
                 const uint32_t *sms, size_t count, const uint32_t *right);

/* So many answers of this SM were found wrong in another way. */
void votes_wrong(struct votes *v, size_t kind, uint32_t sm, uint32_t count);

/* Forget those with less than a quarter of the worst one's wrong answers: where three answers
 * are compared, a broken SM that gave two of them makes the third look wrong. */
void votes_still_echo(struct votes *v);

/* How many SMs were seen. */
size_t votes_sm_count(const struct votes *v);

/* True when nothing was wrong. Else the finding is a failure that names SMs and kinds, or an
 * error when nobody can tell who is wrong. */
bool votes_answered(const struct votes *v, struct finding *f);

#endif
