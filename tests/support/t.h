/* cmocka in the order it wants, and assertions that print sentences. Every test
 * file includes this first. A test's name is a sentence. */
#ifndef TESTS_SUPPORT_T_H
#define TESTS_SUPPORT_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/errs.h"

/* Fails with the error's sentence and details rather than `4 != 0`. */
#define assert_ok(call, e)          t_assert_ok((call), (e), #call, __FILE__, __LINE__)
#define assert_err(want, call, e)   t_assert_err((want), (call), (e), #call, __FILE__, __LINE__)
#define assert_contains(text, part) t_assert_contains((text), (part), __FILE__, __LINE__)

void t_assert_ok(enum err_code rc, const struct err *e, const char *call, const char *file,
                 int line);
void t_assert_err(enum err_code want, enum err_code rc, const struct err *e, const char *call,
                  const char *file, int line);
void t_assert_contains(const char *text, const char *part, const char *file, int line);

/* A fresh folder for this test; removed, with all in it, when the program ends.
 * The text lives until then. */
const char *t_dir(void);

/* Path of a built program ("hourglassd"), from HOURGLASS_BUILD or beside the test. */
const char *t_program(const char *name);

/* Run the tests that match $K (cmocka's pattern), report like cmocka. */
int t_run(const char *suite, const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
          CMFixtureFunction teardown);
#define T_RUN(suite, tests) t_run(suite, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL)

#endif
