/* GPUs of one model in one machine against each other. Pure: no driver, no clock, no output. */
#ifndef GPU_PEERS_H
#define GPU_PEERS_H

#include "gpu/check.h"

#define GPU_PEERS_FOR_MEDIAN 3

/* Every figure of a check with a peer_share is held against those of the same check and model in
 * this report: against their median where there are three or more (one bad GPU, or two of five,
 * cannot move it), else, of two, the worse against the better. Under peer_share of that it is a
 * warning, under the square of the share a failure (0.95: 5 % and 10 % behind; 1: any is a
 * failure). Where higher is worse, it is the share that the median is of the figure. A GPU that
 * failed by itself is no peer. All of them slow together is the floor's to find. What the
 * inventory knows of a GPU's slot and power limit makes a warning of its failure: a card in eight
 * lanes beside one in sixteen is not broken. */
void gpu_peers_compare(struct report *r, const struct gpu_inventory *inv);

/* The same for the figures of one check on GPUs of one model. */
void gpu_peers_judge(struct finding *const *of, size_t count, double share, bool higher_is_worse);

/* How much of `reference` a figure reaches, 1 and more being as good or better; 0 when one of
 * them cannot be compared. */
double gpu_share_reached(double value, double reference, bool higher_is_worse);

#endif
