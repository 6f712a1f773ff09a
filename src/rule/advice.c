/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is legal and surely a mistake: conditions that cannot hold or cannot fail, filters that let through, fields that are not there. */
#include "meaning/decode.h"
#include "rule/advice.h"
#include "rule/known.h"
#include "rule/logic.h"

#define MAX_TYPES  8   /* of a search identifier that are held against its fields */
#define MAX_VALUES 100 /* of a list that are looked at */

static int judge(Parse *p, const YamlNode *condition, const Expr *e) {
        switch (logic_judge(p->ast, p->view, e)) {
        case LOGIC_NEVER:
                return parse_error(p, condition,
                                   "this condition can never hold, whatever an event says: its parts "
                                   "contradict each other; remove one of them, or write \"or\" between them");
        case LOGIC_ALWAYS:
                parse_warn(p, condition,
                           "this condition always holds, whatever an event says; write one that can fail");
                return 0;
        case LOGIC_TYPES:
                parse_warn(p, condition,
                           "this condition asks for a record of two types, and no record has two; write two "
                           "rules and a temporal correlation of them, or \"or\"");
                return 0;
        case LOGIC_VALUES:
                parse_warn(p, condition,
                           "this condition asks for two values of a field that has only one; write \"or\" "
                           "between them");
                return 0;
        default: return 0;
        }
}

/* ---- filters ---- */

static bool is_filter(Str name) { return name.n >= 6 && str_ieq((Str){ name.p, 6 }, STR("filter")); }

/* A name of a filter that must hold for the condition to hold, or NULL. */
static const Expr *wanted_filter(const Expr *e, bool wanted) {
        if (e->kind == EXPR_NAME)
                return wanted && is_filter(e->name) ? e : NULL;
        if (e->kind == EXPR_NOT)
                wanted = !wanted;
        for (size_t i = 0; i < e->n; i++) {
                const Expr *found = wanted_filter(e->v[i], wanted);

                if (found)
                        return found;
        }
        return NULL;
}

int advice_condition(Parse *p, const YamlNode *condition, const SearchNames *names, const Expr *e) {
        const Expr *filter = wanted_filter(e, true);

        for (size_t i = 0; filter && i < names->n; i++)
                if (names->v[i].expr == filter)
                        parse_warn(
                                p, names->v[i].node,
                                "\"%.*s\" is called a filter, but events must match it; write \"not %.*s\", "
                                "or give it another name",
                                PARSE_ARG(filter->name), PARSE_ARG(filter->name));
        return judge(p, condition, e);
}

/* ---- fields ---- */

/* "field" of "field|modifiers". */
static Str field_of(const YamlNode *key) {
        const char *bar = key->text.n ? memchr(key->text.p, '|', key->text.n) : NULL;

        return (Str){ key->text.p, bar ? (size_t)(bar - key->text.p) : key->text.n };
}

static bool asks_absence(const YamlNode *key, const YamlNode *value) {
        return value->kind == YAML_NULL || str_ends(key->text, STR("|exists"));
}

static Str nearest_type(Parse *p, Str name) {
        Nearest near = parse_nearest(p, name);

        for (int type = 1000; type < 3000; type++) {
                const char *known = record_type_to_name(type);

                if (known && str_ieq(name, str_from(known)))
                        return STR_NULL;
                if (known)
                        nearest_try(&near, str_from(known));
        }
        return near.best;
}

static void check_type(Parse *p, const YamlNode *value) {
        Str right;

        if (advice_is_literal(value) && str_ieq(value->text, STR("EOE")))
                parse_warn(p, value,
                           "EOE records only end an event, and no rule sees them; write a type that holds "
                           "something");
        right = advice_is_literal(value) && !known_type(value->text) ? nearest_type(p, value->text)
                                                                     : STR_NULL;

        if (right.n)
                parse_warn(p, value, "there is no type of record \"%.*s\"; write %.*s",
                           PARSE_ARG(value->text), STR_ARG(right));
}

static bool is_call(Str name) {
        for (int machine = 0; decode_machine_name(machine); machine++)
                if (decode_syscall_number(machine, name) >= 0)
                        return true;
        return false;
}

/* The name that was meant, of the calls of the machine that most people have. */
static Str nearest_call(Parse *p, Str name) {
        Nearest near = parse_nearest(p, name);
        int machine = decode_machine(STR("c000003e"));

        for (uint32_t i = 0; i < 600; i++) {
                const char *known = decode_syscall_name(machine, i);

                if (known)
                        nearest_try(&near, str_from(known));
        }
        return near.best;
}

/* A name with digits behind a known one is likely that of a call younger than the table of libaudit. */
static bool is_younger(Str name, Str known) {
        return known.n && name.n > known.n && str_starts(name, known) &&
               advice_is_number((Str){ name.p + known.n, name.n - known.n });
}

/* auditd logs names of system calls only in ENRICHED logs; else they come from the table of libaudit. @others: values beside it. */
static void check_call(Parse *p, Str field, const YamlNode *value, bool others) {
        Str right;

        if (!advice_is_literal(value) || (advice_is_number(value->text) && str_eqz(field, "syscall")))
                return;
        if (advice_is_number(value->text)) {
                parse_warn(p, value,
                           "SYSCALL is the name of a system call; write \"syscall: %.*s\" for its number",
                           PARSE_ARG(value->text));
                return;
        }
        if (is_call(value->text))
                return;
        right = nearest_call(p, value->text);
        if (others && (!right.n || is_younger(value->text, right)))
                return;
        parse_warn(
                p, value,
                "no system call \"%.*s\" is known here, so that only a log that auditd enriched can match; "
                "write %.*s%sits number as \"syscall\"",
                PARSE_ARG(value->text), STR_ARG(right), right.n ? ", or " : "");
}

static void check_literals(Parse *p, const YamlNode *key, const YamlNode *value) {
        bool type = str_eqz(key->text, "type") && p->view == VIEW_AUDIT;
        bool call = str_eqz(key->text, "SYSCALL") || str_eqz(key->text, "syscall");

        for (size_t i = 0; (type || call) && i < yaml_count(value) && i < MAX_VALUES; i++)
                if (type)
                        check_type(p, yaml_item(value, i));
                else
                        check_call(p, key->text, yaml_item(value, i), yaml_count(value) > 1);
}

static void check_category(Parse *p, const YamlNode *key) {
        Str field = field_of(key), right;
        Nearest near = parse_nearest(p, field);

        if (!field.n || known_in_category(p->view, field))
                return;
        for (size_t i = 0; known_category_field(p->view, i).n; i++)
                nearest_try(&near, known_category_field(p->view, i));
        right = near.best;
        parse_warn(p, key,
                   "audit has no field \"%.*s\" for this category, so that it is always absent; write %.*s",
                   PARSE_ARG(field),
                   STR_ARG(right.n ? right : STR("a test of a field that there is (aulert-rules(7))")));
}

/* The types that a map asks for: all of them known, at most MAX_TYPES; 0: it does not say, or not for certain. */
static size_t types_of(const YamlNode *map, const KnownType **ret) {
        const YamlNode *type = yaml_get(map, "type");
        size_t n = type ? yaml_count(type) : 0;

        if (n > MAX_TYPES)
                return 0;
        for (size_t i = 0; i < n; i++) {
                ret[i] = advice_is_literal(yaml_item(type, i)) ? known_type(yaml_item(type, i)->text) : NULL;
                if (!ret[i])
                        return 0;
        }
        return n;
}

static void check_in_types(Parse *p, const YamlNode *key, const KnownType *const *types, size_t n) {
        Str field = field_of(key);
        const KnownType *other = known_type_with(field, 0);

        for (size_t i = 0; i < n; i++)
                if (!field.n || known_in_type(types[i], field))
                        return;
        parse_warn(p, key, "%s records have no field \"%.*s\"; write %s%s%s", types[0]->type,
                   PARSE_ARG(field), other ? "\"type: " : "a field that they have", other ? other->type : "",
                   other ? "\", which has it, or another field" : "");
}

/* A name that only categories have: true, and says so. */
static bool check_audit(Parse *p, const YamlNode *key) {
        static const char *const views[] = { [VIEW_PROCESS] = "process_creation",
                                             [VIEW_NETWORK] = "network_connection",
                                             [VIEW_FILE] = "file_event" };
        Str field = field_of(key);

        for (ViewKind v = VIEW_PROCESS; v < _VIEW_N; v++)
                for (size_t i = 0; known_category_field(v, i).n; i++)
                        if (str_eq(known_category_field(v, i), field) && !str_eqz(field, "User")) {
                                parse_warn(
                                        p, key,
                                        "audit records have no field \"%.*s\"; write \"category: %s\" and no "
                                        "service, or a field of the records",
                                        STR_ARG(field), views[v]);
                                return true;
                        }
        return false;
}

/* Names of fields have case: true, and says so, for one that exists in another only. */
static bool check_case(Parse *p, const YamlNode *key) {
        Str field = field_of(key), right = known_field(field);

        if (!right.n || str_eq(right, field))
                return false;
        parse_warn(p, key, "audit records have no field \"%.*s\", as names of fields have case; write %.*s",
                   PARSE_ARG(field), STR_ARG(right));
        return true;
}

static void check_map(Parse *p, const YamlNode *map) {
        const KnownType *types[MAX_TYPES];
        size_t n_types = p->view == VIEW_AUDIT ? types_of(map, types) : 0;

        for (size_t i = 0; i < map->n; i++) {
                check_literals(p, map->keys[i], map->v[i]);
                advice_value(p, map, i);
                if (asks_absence(map->keys[i], map->v[i]))
                        continue;
                if (p->view != VIEW_AUDIT && p->view != _VIEW_N)
                        check_category(p, map->keys[i]);
                if (p->view == VIEW_AUDIT && !check_audit(p, map->keys[i]) && !check_case(p, map->keys[i]) &&
                    n_types)
                        check_in_types(p, map->keys[i], types, n_types);
        }
}

void advice_fields(Parse *p, const YamlNode *search) {
        if (search->kind == YAML_MAP)
                check_map(p, search);
        for (size_t i = 0; search->kind == YAML_LIST && i < search->n; i++)
                if (search->v[i]->kind == YAML_MAP)
                        check_map(p, search->v[i]);
}
