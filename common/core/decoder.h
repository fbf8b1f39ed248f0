/* The state of one decoding: where it is in the document and what it found wrong there.
 * Private to common/core. */
#ifndef CORE_DECODER_H
#define CORE_DECODER_H

#include "common/core/shape.h"

#define EXCERPT_BYTES_MAX 48 /* of foreign text in a message */
#define EXCERPT_SIZE      (EXCERPT_BYTES_MAX + 8)

enum decode_mode {
    DECODE_STRICT,
    DECODE_PATCH, /* nothing is required, null removes */
    DECODE_READ,  /* what is unknown is ignored, what is missing is absent */
};

struct decoder {
    struct err *e;
    enum decode_mode mode;
    const void *target; /* DECODE_PATCH: the object that is patched at this place */
    size_t mistakes;
    bool no_memory;
    char pointer[ERR_POINTER_MAX];
    size_t pointer_len;
    bool pointer_cut; /* a step did not fit: stay at the nearest parent */
};

struct mark {
    size_t len;
    bool cut;
};

/* Step into a member or an item; undone by pointer_pop() with what was returned. */
struct mark pointer_push(struct decoder *d, const char *step);
struct mark pointer_push_index(struct decoder *d, size_t index);
void pointer_pop(struct decoder *d, struct mark before);
/* Step from the root to where `bytes + end` is, by what stands before it: text that is not JSON
 * beyond `end`. At most JSON_DEPTH_MAX steps; stays at the object where no key is whole. */
void pointer_follow(struct decoder *d, const char *bytes, size_t end);

/* Note a mistake at the present place. `code` is static. */
void mistake(struct decoder *d, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
void wrong_type(struct decoder *d, const char *expected, const json_t *v);
void unknown_field(struct decoder *d, const char *name, const char *guess);
void missing_field(struct decoder *d, const char *name);

/* Each notes the mistake and returns false. Text must be well-formed, without control
 * characters that are not in `allowed`. In DECODE_READ only what would not fit is a mistake:
 * the rules were the writer's, and a screen cleans what it shows. */
bool text_check(struct decoder *d, const char *text, size_t len, const char *allowed);
bool length_check(struct decoder *d, size_t len, struct bounds b, const char *unit);
bool range_check(struct decoder *d, int64_t n, struct bounds b);
void out_of_range(struct decoder *d, struct bounds b, const char *got);

/* Foreign text for a message: short, and harmless where it is shown. Returns buf. */
const char *excerpt(const char *text, char buf[EXCERPT_SIZE]);

/* The field that was probably meant by this name, or NULL. */
const char *field_guess(const struct shape *s, const char *name);

/* What decoding returns: the first mistake is the sentence. */
enum err_code decoder_finish(struct decoder *d);

#endif
