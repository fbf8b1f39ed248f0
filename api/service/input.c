/* Checks of values beyond what their shapes say. Each refusal names the place. */
#include <ctype.h>
#include <sodium.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/json.h"

enum err_code input_refuse(struct err *e, const char *pointer, const char *code, const char *fmt,
                           ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(e, ERR_INVALID, "%s", text);
    err_detail(e, pointer, code, "%s", text);
    return ERR_INVALID;
}

static bool has_control(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

enum err_code input_name(const char *pointer, const char *name, struct err *e)
{
    if (has_control(name))
        return input_refuse(e, pointer, "control_character",
                            "a name may not contain control characters");
    if (name[strspn(name, " ")] == '\0')
        return input_refuse(e, pointer, "blank", "a name may not be blank");
    return ERR_OK;
}

enum err_code input_email(const char *pointer, const char *email, struct err *e)
{
    const char *at = strchr(email, '@');

    if (!at || at == email || !at[1] || strchr(at + 1, '@') || strchr(email, ' ') ||
        has_control(email))
        return input_refuse(e, pointer, "email", "an address looks like name@example.org");
    return ERR_OK;
}

enum err_code input_deadline(int64_t at_ms, int64_t now_ms, struct err *e)
{
    if (at_ms && at_ms <= now_ms)
        return input_refuse(e, "/deadline_at", "in_the_past", "a deadline must be in the future");
    if (at_ms > now_ms + DEADLINE_SECONDS_MAX * MS_PER_SECOND)
        return input_refuse(e, "/deadline_at", "out_of_range",
                            "a deadline must be within five years");
    return ERR_OK;
}

enum err_code input_country(const char *pointer, const char *country, struct err *e)
{
    if (strlen(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' ||
        country[1] > 'Z')
        return input_refuse(e, pointer, "country",
                            "a country is two capital letters of ISO 3166-1");
    return ERR_OK;
}

/* Options before the type ("command=…") or a second line would let the key do more than
 * log in, so both are refused. */
enum err_code input_ssh_key(const char *pointer, const char *key, struct err *e)
{
    static const char *const types[] = {"ssh-ed25519 ",
                                        "ssh-rsa ",
                                        "ecdsa-sha2-nistp256 ",
                                        "ecdsa-sha2-nistp384 ",
                                        "ecdsa-sha2-nistp521 ",
                                        "sk-ssh-ed25519@openssh.com ",
                                        "sk-ecdsa-sha2-nistp256@openssh.com "};
    static const char base64[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const char *body = NULL;
    size_t len;

    if (!key[0])
        return ERR_OK;
    for (size_t i = 0; i < ARRAY_SIZE(types) && !body; i++)
        if (strncmp(key, types[i], strlen(types[i])) == 0)
            body = key + strlen(types[i]);
    len = body ? strspn(body, base64) : 0;
    if (len < 40 || (body[len] && body[len] != ' ') || has_control(key))
        return input_refuse(e, pointer, "ssh_key",
                            "one OpenSSH public key in one line, without options");
    return ERR_OK;
}

enum err_code input_state(const struct page_query *q, const char *const *names, struct err *e)
{
    if (q->state[0] && names_find(names, q->state) < 0)
        return input_refuse(e, "", "unknown_state", "there is no state '%s'", q->state);
    return ERR_OK;
}

void name_make(char out[NAME_BYTES_MAX], const char *stem)
{
    unsigned number = randombytes_uniform(0x10000);

    snprintf(out, NAME_BYTES_MAX, "%.48s-%04x", stem, number);
    for (char *p = out; *p; p++)
        *p = (char)tolower((unsigned char)*p);
}
