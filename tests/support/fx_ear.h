/* An engine between the worker and another one. It listens: what each instance really did, by
 * the engine's own words, is what may be charged. And it can cut the worker off: the last call
 * acts, but nobody hears its answer, as when the daemon is killed there. */
#ifndef TESTS_SUPPORT_FX_EAR_H
#define TESTS_SUPPORT_FX_EAR_H

#include "api/engine/engine.h"

#define EAR_TRUTHS_MAX 512

/* What one instance really did. */
struct truth {
    char id[ID_MAX];
    int64_t rate;
    int64_t ready_at_ms; /* of the period that runs; 0: none does */
    int64_t micros;      /* what the periods that were billed cost, exactly */
    bool is_billed;      /* set by the test: the rows bill the period that runs */
    bool is_lost;        /* its end is not known: it may only be charged less */
};

struct ear {
    struct engine base;
    struct engine *inner; /* borrowed */
    struct clock *clock;
    int left; /* calls until the cut; -1: none */
    struct truth truths[EAR_TRUTHS_MAX];
    size_t truth_count;
};

void ear_init(struct ear *ear, struct engine *inner, struct clock *clock);
/* Follow this instance from now on. */
void ear_follow(struct ear *ear, const char *id, int64_t rate_micros_per_hour);
struct truth *ear_truth(struct ear *ear, const char *id); /* NULL: not followed */

#endif
