/* The table of who may do what, read by every service. It decides; it changes nothing. */
#include <assert.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

#define R(role)  (1u << ROLE_##role)
#define R_ALL    ((1u << ROLE_COUNT) - 1)
#define S(staff) (1u << STAFF_##staff)
#define S_ALL    (S(SUPPORT) | S(OPERATOR) | S(AUDITOR))

static const struct {
    const char *name, *help;
    unsigned roles, staff;
} rules[RULE_ACTION_COUNT] = {
#define X(id, wire, may, staff_may, words) \
    [id] = {.name = wire, .help = words, .roles = may, .staff = staff_may},
    ACTION_LIST(X)
#undef X
};

const struct actor system_actor = {.is_system = true};

const char *rule_action_name(enum rule_action a)
{
    assert((unsigned)a < RULE_ACTION_COUNT);
    return rules[a].name;
}

bool rule_allows(enum rule_action a, enum role role, enum staff_role staff)
{
    assert((unsigned)a < RULE_ACTION_COUNT);
    if ((unsigned)role < ROLE_COUNT && (rules[a].roles & (1u << role)))
        return true;
    return (unsigned)staff < STAFF_ROLE_COUNT && (rules[a].staff & (1u << staff));
}

static void names_add(struct strbuf *out, unsigned set, const char *const *names, const char *tag)
{
    for (unsigned i = 0; names[i]; i++)
        if (set & (1u << i))
            strbuf_addf(out, "%s%s%s", out->len ? ", " : "", names[i], tag);
}

static enum err_code rule_refuse(const struct actor *by, enum rule_action a, bool as_staff,
                                 struct err *e)
{
    STRBUF who;

    strbuf_init(&who, ERR_MSG_MAX);
    if (!as_staff)
        names_add(&who, rules[a].roles, role_names, "");
    names_add(&who, rules[a].staff, staff_role_names, " staff");
    return err_set(e, ERR_FORBIDDEN, "only %s may %s; you are %s%s", who.len ? who.data : "nobody",
                   rules[a].help,
                   as_staff ? staff_role_names[by->staff_role] : role_names[by->role],
                   as_staff ? " staff" : "");
}

enum err_code rule_check(const struct actor *by, enum rule_action a, struct err *e)
{
    assert((unsigned)a < RULE_ACTION_COUNT);
    if (by->is_system || rule_allows(a, by->role, by->staff_role))
        return ERR_OK;
    return rule_refuse(by, a, false, e);
}

/* A role counts in its own organization only; elsewhere only a staff role does. */
enum err_code rule_check_object(const struct actor *by, enum rule_action a,
                                const char *organization_id, const char *noun, const char *id,
                                struct err *e)
{
    if (by->is_system)
        return ERR_OK;
    if (strcmp(by->organization_id, organization_id) == 0)
        return rule_check(by, a, e);
    if (by->staff_role == STAFF_NONE)
        return err_set(e, ERR_NOT_FOUND, "no %s %s", noun, id);
    if (rule_allows(a, ROLE_COUNT, by->staff_role))
        return ERR_OK;
    return rule_refuse(by, a, true, e);
}

enum err_code rule_scope(const struct actor *by, const char *asked, char organization_id[ID_MAX],
                         struct err *e)
{
    bool everywhere = by->is_system || by->staff_role != STAFF_NONE;

    assert(asked);
    if (!everywhere && asked[0] && strcmp(asked, by->organization_id) != 0)
        return err_set(e, ERR_NOT_FOUND, "no organization %s", asked);
    text_copy(organization_id, ID_MAX, everywhere ? asked : by->organization_id);
    return ERR_OK;
}

enum err_code rule_list(const struct actor *by, enum rule_action a, const struct page_query *q,
                        char organization_id[ID_MAX], struct err *e)
{
    enum err_code rc = rule_check(by, a, e);

    assert(q);
    if (rc)
        return rc;
    if (q->limit < 1 || q->limit > PAGE_ITEMS_MAX)
        return err_set(e, ERR_INVALID, "limit must be between 1 and %d", PAGE_ITEMS_MAX);
    return rule_scope(by, "", organization_id, e);
}
