/* `hourglass-gpu check --report`: what was found, posted to hourglassd once it has been shown. */
#ifndef GPU_CHECK_REPORT_H
#define GPU_CHECK_REPORT_H

#include "gpu/post.h"
#include "model/report.h"

struct check_report {
    bool wanted;
    const char *instance_id; /* NULL: a machine of one's own */
    struct post_options options;
    struct post post;   /* opened before the check, so that a mistake is told before it runs */
    struct strbuf body; /* "" until there is a report */
};

/* Take --report, --instance ID, --server URL, --token-file FILE and --ca-file FILE out of the
 * arguments and check them. Caller ends with check_report_release(), also on error.
 * Errors: ERR_INVALID with a sentence that says what to type instead; as post_open(). */
enum err_code check_report_read(int *argc, char **argv, struct check_report *out,
                                struct err *e) MUST_CHECK;
/* Keep what is to be posted; nothing when it was not asked for. */
void check_report_take(struct check_report *c, const struct report *report);
/* Post it and say its id, or why not, on standard error. The exit code of a check is its
 * verdict's whatever happens here: a network that is down makes no GPU bad, and a prolog that
 * goes by the code would drain the node for it. */
void check_report_post(struct check_report *c, struct clock *clock);
void check_report_release(struct check_report *c);
void check_report_help(struct strbuf *out);

#endif
