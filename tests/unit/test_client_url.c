/* Which addresses a client takes, and that a key never leaves this machine in the clear. */
#include "tests/support/t.h"

#include "common/client/client_internal.h"

static enum err_code try_open(const char *url, const char *token, struct err *e)
{
    const struct client_config c = {.url = url, .token = token};
    struct client *cl = NULL;
    enum err_code rc = client_open(&c, &cl, e);

    assert_true((rc == ERR_OK) == (cl != NULL));
    client_close(cl);
    return rc;
}

static void a_key_goes_to_this_machine_or_by_https(void **state)
{
    static const char *const good[] = {"http://127.0.0.1:7070",   "http://127.0.0.1",
                                       "http://127.1.2.3:1/",     "http://localhost",
                                       "http://localhost:7070",   "HTTP://LOCALHOST/",
                                       "http://[::1]:7070",       "https://a.example",
                                       "https://10.0.0.1:8443",   "unix:/run/hourglass/api.sock",
                                       "https://a.example/under/"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_ok(try_open(good[i], "hgk_x", &e), &e);
}

static void a_key_in_the_clear_beyond_loopback_is_refused(void **state)
{
    static const char *const bad[] = {"http://a.example",
                                      "http://10.0.0.1:7070",
                                      "http://127.0.0.1.a.example",
                                      "http://127.a.example/",
                                      "http://localhost.a.example",
                                      "http://localhosts",
                                      "http://[::2]:7070",
                                      "http://[::ffff:10.0.0.1]",
                                      "http://0.0.0.0:7070",
                                      "http://128.0.0.1",
                                      "HTTP://A.EXAMPLE"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_err(ERR_INVALID, try_open(bad[i], "hgk_x", &e), &e);
        assert_contains(e.msg, "https only");
        assert_ok(try_open(bad[i], NULL, &e), &e); /* nothing to give away */
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1:7070",
                                      "ftp://localhost",
                                      "file:///etc/passwd",
                                      "unix:relative",
                                      "unix:",
                                      "http://",
                                      "http:///path",
                                      "http://localhost:99999",
                                      "http://user:secret@localhost",
                                      "http://localhost?x=1",
                                      "http://localhost#x",
                                      "http://127.0.0.1@a.example",
                                      "http://local host",
                                      "http://localhost\r\nX: y",
                                      "https:// "};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_err(ERR_INVALID, try_open(bad[i], NULL, &e), &e);
    assert_err(ERR_INVALID, try_open(NULL, NULL, &e), &e);
}

static void what_is_too_long_is_refused_not_cut(void **state)
{
    char text[700];
    struct err e;

    (void)state;
    snprintf(text, sizeof text, "http://%0600d", 1);
    assert_err(ERR_INVALID, try_open(text, NULL, &e), &e);
    snprintf(text, sizeof text, "unix:/%0120d", 1);
    assert_err(ERR_INVALID, try_open(text, NULL, &e), &e);
    assert_err(ERR_INVALID, try_open("http://localhost", text, &e), &e);
}

static void a_key_that_breaks_out_of_its_header_is_refused(void **state)
{
    static const char *const bad[] = {"hgk\r\nX-Other: 1", "hgk key", "hgk\n", "hgk\x7F",
                                      "cl\xC3\xA9"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_err(ERR_INVALID, try_open("http://localhost", bad[i], &e), &e);
}

static void a_path_is_visible_ascii(void **state)
{
    (void)state;
    assert_true(path_is_valid("/v1/instances?text=%20a"));
    assert_false(path_is_valid("v1/instances"));
    assert_false(path_is_valid("@a.example/"));
    assert_false(path_is_valid("/v1/a b"));
    assert_false(path_is_valid("/v1/a\r\nX: y"));
    assert_false(path_is_valid("/v1/\xC3\xA9"));
    assert_false(path_is_valid(""));
}

static void opening_starts_no_network(void **state)
{
    const struct client_config c = {.url = "http://localhost:1"};
    struct client *cl;
    struct err e;

    (void)state;
    assert_ok(client_open(&c, &cl, &e), &e);
    assert_null(cl->multi);
    assert_ok(client_poll(cl, NULL, 0, 0, &e), &e);
    assert_null(cl->multi);
    client_close(cl);
    client_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_goes_to_this_machine_or_by_https),
        cmocka_unit_test(a_key_in_the_clear_beyond_loopback_is_refused),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(what_is_too_long_is_refused_not_cut),
        cmocka_unit_test(a_key_that_breaks_out_of_its_header_is_refused),
        cmocka_unit_test(a_path_is_visible_ascii),
        cmocka_unit_test(opening_starts_no_network),
    };

    return T_RUN("client url", tests);
}
