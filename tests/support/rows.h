/* One writing connection with an open transaction on a fresh database, and ready-made
 * objects, for tests of rows. No store and no thread. */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include "tests/support/t.h"

#include "api/store/driver.h"
#include "api/store/rows.h"
#include "core/id.h"

#define ROWS_AT_MS 1800000000000 /* where the clock of the ready-made objects stands */

struct rows_fx {
    struct tx tx;
    struct err e;
    struct clock_test clock;
    char url[URL_BYTES_MAX];
    struct organization organization; /* inserted */
};

int rows_setup(void **state);
int rows_teardown(void **state);
#define ROWS_TEST(fn) cmocka_unit_test_setup_teardown(fn, rows_setup, rows_teardown)

/* "sqlite:<a new file>", for stores too. Returns url. */
const char *rows_url(char url[URL_BYTES_MAX]);
/* The migrations of this program. Borrowed for ever. */
const struct migrations *rows_migrations(void);

/* Objects of fx->organization with a new id, valid but not inserted. */
void rows_organization(struct rows_fx *fx, struct organization *out);
void rows_instance(struct rows_fx *fx, struct instance *out);
void rows_job(struct rows_fx *fx, struct job *out);
void rows_grant(struct rows_fx *fx, int64_t micros, struct grant *out);
void rows_hold(struct rows_fx *fx, int64_t micros, struct hold *out); /* without parts */

/* Both say the same in JSON. What the shape keeps secret has to be compared by itself. */
void rows_assert_same(const struct shape *s, const void *a, const void *b);

#define TX &fx->tx
#define E  &fx->e

#endif
