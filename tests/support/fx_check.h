/* Checks of instances on physical GPUs, for tests of services: asked for, told how to end, taken.
 */
#ifndef TESTS_SUPPORT_FX_CHECK_H
#define TESTS_SUPPORT_FX_CHECK_H

#include "tests/support/fx_service.h"

/* An instance that runs on physical GPUs (gpu-1.sim, slot 0). */
void fx_real_running(struct fx_service *fx, struct instance *out);
/* The verdict of checks from now on, with a failure on this GPU (-1: the machine, -2: none is
 * named). */
void fx_check_plan(struct fx_service *fx, enum verdict verdict, int64_t gpu);
/* Ask for one as the owner; not stepped. */
void fx_check_ask(struct fx_service *fx, struct instance *i, enum tier tier);
/* A quick one: asked for, begun and taken. */
void fx_check_run(struct fx_service *fx, struct instance *i);
/* The one node, as staff see it. */
void fx_node(struct fx_service *fx, struct node *out);
/* All SLA grants of the organization together. */
int64_t fx_given(struct fx_service *fx, size_t *count);
/* One random step: another plan for checks, a check asked for on this instance, now and then the
 * node drained, mostly resumed. What is refused is. */
void fx_check_shake(struct fx_service *fx, uint64_t random, const char *instance_id);
/* Fails when more was given back for bad GPUs than instances cost; what was given. */
int64_t fx_given_check(struct fx_service *fx);

#endif
